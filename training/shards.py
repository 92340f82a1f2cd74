"""Shards on disk: gzipped safetensors, read and written with numpy alone. docs/logs.md says what is in them."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np

DTYPES = {"U8": np.uint8, "I32": np.int32, "F32": np.float32, "F16": np.float16}
NAMES = {np.dtype(v): k for k, v in DTYPES.items()}
SHORTEST = 26  # ticks of an episode, for the rollouts of the validation


def parse_safetensors(data):
    """The bytes of a safetensors file -> {name: array} and its metadata."""
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data, DTYPES[entry["dtype"]], offset=8 + size + begin, count=-1 if end == begin else (end - begin) // np.dtype(DTYPES[entry["dtype"]]).itemsize)
        arrays[name] = array.reshape(entry["shape"])
    return arrays, metadata


def write_safetensors(path, arrays, metadata=None):
    """{name: array} -> a safetensors file, names sorted, the header padded to 8 bytes."""
    header, offset, parts = {}, 0, []
    if metadata:
        header["__metadata__"] = metadata
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        parts.append(array.tobytes())
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    Path(path).write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))
SHARD = 16  # episodes, or windows of them, in a file


class Shards:
    """Writes windows, `SHARD` to a file; those that are to be held out come last."""

    def __init__(self, folder):
        self.folder, self.written = Path(folder), 0
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "meta.json").exists():
            raise SystemExit(f"{folder} holds logs: give another --out, or delete it")
        for left in [*self.folder.glob("shard*.safetensors.gz"), *self.folder.glob("held-out-*.safetensors.gz")]:  # of an import that was broken off
            left.unlink()
        self.waiting, self.files = {"shard": [], "held-out": []}, {"shard": [], "held-out": []}

    def add(self, window, held_out=False):
        kind = "held-out" if held_out else "shard"
        self.waiting[kind].append(window)
        self.written += 1
        if len(self.waiting[kind]) == SHARD:
            self._flush(kind)

    def finish(self):
        for kind in self.waiting:
            self._flush(kind)
        for path in self.files["held-out"]:
            path.rename(self._path("shard", len(self.files["shard"])))
            self.files["shard"].append(path)

    def _path(self, kind, number):
        return self.folder / f"{kind}-{number:05d}.safetensors.gz"

    def _flush(self, kind):
        windows, path = self.waiting[kind], self._path(kind, len(self.files[kind]))
        if not windows:
            return
        plain = self.folder / "shard.tmp"
        write_safetensors(plain, {name: np.stack([window[name] for window in windows]) for name in windows[0]})
        path.write_bytes(gzip.compress(plain.read_bytes(), 4))
        plain.unlink()
        self.files[kind].append(path)
        self.waiting[kind] = []
