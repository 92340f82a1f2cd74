"""Episodes from the generator's shards, and batches of clips. Shards are gzipped safetensors, read without packages."""

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import torch

DTYPES = {"U8": np.uint8, "I32": np.int32, "F32": np.float32, "F16": np.float16}
NAMES = {np.dtype(v): k for k, v in DTYPES.items()}


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


class Episodes:
    """
    All episodes of a folder in memory: frames `[E, F, H, W, 3]` uint8, actions `[E, T, s, A]`, proprioception
    `[E, F, P]`, rewards and success `[E, T, tasks]`, objects `[E, F, 3, 7]`, layout `[E, 6]`; F = 1 + s T. The last `held_out` episodes
    (a quarter of few) are for validation.
    """

    FIELDS = ("frames", "actions", "proprioception", "rewards", "success", "objects", "layout", "task", "policy")

    def __init__(self, folder, held_out=32, limit=None):
        self.meta = json.loads((Path(folder) / "meta.json").read_text())
        paths = sorted(Path(folder).glob("shard-*.safetensors.gz"))[:limit]
        if not paths:
            raise SystemExit(f"{folder} holds no shard-*.safetensors.gz: run `npm run generate -- --out {folder}` first")
        shards = []
        for i, path in enumerate(paths):
            shards.append(parse_safetensors(gzip.decompress(path.read_bytes()))[0])
            print(f"\rreading shard {i + 1}/{len(paths)}", end="", flush=True)
        print()
        arrays = {}
        for name in self.FIELDS:
            arrays[name] = np.concatenate([shard.pop(name) for shard in shards])
        held_out = min(held_out, len(arrays["frames"]) // 4)
        self.train = {name: array[:-held_out] for name, array in arrays.items()}
        self.held_out = {name: array[-held_out:] for name, array in arrays.items()}
        self.stride = self.meta["stride"]

    def ticks(self, frames):
        """Frames `[F, H, W, 3]` of a stream -> `[T + 1, s, H, W, 3]`: the first frame alone fills tick 0."""
        first = np.repeat(frames[:1], self.stride, 0)[None]
        rest = frames[1 : 1 + (len(frames) - 1) // self.stride * self.stride]
        return np.concatenate([first, rest.reshape(-1, self.stride, *frames.shape[1:])])


def frame_clips(episodes, rng, batch, ticks):
    """Random clips of frames, `[batch, ticks, s, H, W, 3]` uint8; one in eight starts a stream."""
    s = episodes.stride
    frames = episodes.train["frames"]
    clips = np.empty((batch, ticks, s, *frames.shape[2:]), np.uint8)
    for i in range(batch):
        episode = frames[rng.integers(len(frames))]
        if rng.random() < 1 / 8:
            start = rng.integers(len(episode) - (ticks - 1) * s)
            clips[i] = episodes.ticks(episode[start : start + 1 + (ticks - 1) * s])
        else:
            start = rng.integers(len(episode) - ticks * s + 1)
            clips[i] = episode[start : start + ticks * s].reshape(clips[i].shape)
    return torch.from_numpy(clips)
