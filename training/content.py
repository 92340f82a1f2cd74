"""What a file was made of, as a digest: what is kept of a run is used again only where it was made of the same."""

import hashlib
from pathlib import Path

import torch


def digest(*parts):
    """Of tensors, weights by name, and whatever has a repr, in order."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, dict):
            part = digest(*(x for name in sorted(part) for x in (name, part[name])))
        if isinstance(part, torch.Tensor):
            part = part.detach().cpu().contiguous()
            found.update(repr((str(part.dtype), tuple(part.shape))).encode())
            found.update(part.view(-1).view(torch.uint8).numpy() if part.numel() else b"")
        else:
            found.update(repr(part).encode())
        found.update(b"\0")
    return found.hexdigest()


def of_logs(folder, limit=None):
    """Of a folder of shards, or of its last `limit`: what they and meta.json hold."""
    paths = sorted(Path(folder).glob("shard-*.safetensors.gz"))
    found = hashlib.sha256((Path(folder) / "meta.json").read_bytes())
    for path in paths[-limit:] if limit else paths:
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
