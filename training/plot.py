"""Curves and frame strips as PNG, so that training can be watched by looking."""

import struct
import zlib
from pathlib import Path

import numpy as np


def write_png(path, image):
    """image `[H, W, 3]` uint8."""
    height, width, _ = image.shape
    raw = b"".join(b"\0" + row.tobytes() for row in np.ascontiguousarray(image))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def grid(rows, scale=2):
    """rows: lists of `[H, W, 3]` uint8 pictures -> one picture, each pixel `scale` times."""
    picture = np.concatenate([np.concatenate(list(row), 1) for row in rows], 0)
    return picture.repeat(scale, 0).repeat(scale, 1)


def curves(path, log):
    """log: list of {"step": int, name: value}; one panel a name. Needs matplotlib, and says so where it is missing."""
    try:
        import matplotlib
    except ImportError:
        print("no curves: pip install matplotlib")
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [name for name in log[-1] if name != "step"]
    figure, axes = pyplot.subplots(1, len(names), figsize=(3.6 * len(names), 3), squeeze=False)
    for axis, name in zip(axes[0], names):
        points = [(row["step"], row[name]) for row in log if name in row]
        axis.plot(*zip(*points))
        axis.set_title(name)
        axis.set_xlabel("step")
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
