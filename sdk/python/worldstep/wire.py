"""One message of worldstep.v1.msgpack: a length, a msgpack header, and raw tensors, each padded to 8 bytes."""

from __future__ import annotations

import struct
from typing import Any, Mapping, NamedTuple

import msgpack
import numpy as np

from worldstep import table
from worldstep.errors import WorldstepError
from worldstep.table import MAX_HEADER_BYTES

DTYPES = {name: np.dtype(type) for name, type in table.DTYPES.items()}


class Message(NamedTuple):
    header: dict[str, Any]
    tensors: dict[str, np.ndarray]


def encode(header: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a message. `header` is without its `tensors`; each of `tensors` is uint8, int32 or float32."""
    fields = dict(header)
    if tensors:
        fields["tensors"] = [
            {"name": name, "dtype": tensor.dtype.name, "shape": list(tensor.shape)} for name, tensor in tensors.items()
        ]
    packed = msgpack.packb(fields)
    parts = [_padded(struct.pack("<I", len(packed)) + packed)]
    for tensor in tensors.values():
        parts.append(_padded(tensor.astype(DTYPES[tensor.dtype.name], copy=False).tobytes()))
    return b"".join(parts)


def decode(data: bytes) -> Message:
    """The message of `data`; its arrays are new and writable. Raises `message_malformed`."""
    try:
        return _decode(data)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, msgpack.UnpackException) as error:
        raise _malformed(str(error) or type(error).__name__) from error


def _decode(data: bytes) -> Message:
    (length,) = struct.unpack_from("<I", data)
    if not 1 <= length <= min(MAX_HEADER_BYTES, len(data) - 4):
        raise _malformed(f"a header of {length} bytes in a message of {len(data)}")
    header = msgpack.unpackb(data[4 : 4 + length])
    if not isinstance(header, dict) or not isinstance(header.get("type"), str):
        raise _malformed("the header is not a map with a type")
    at = _skip_padding(data, 4 + length)
    tensors = {}
    for entry in header.pop("tensors", []):
        dtype, shape = DTYPES[entry["dtype"]], entry["shape"]
        count = int(np.prod(shape, dtype=np.int64))
        tensors[entry["name"]] = np.frombuffer(data, dtype, count, at).reshape(shape).astype(dtype.newbyteorder("="))
        at = _skip_padding(data, at + count * dtype.itemsize)
    if at != len(data):
        raise _malformed(f"{len(data)} bytes where the header announces {at}")
    return Message(header, tensors)


def _skip_padding(data: bytes, at: int) -> int:
    end = at + -at % 8
    if data[at:end] != bytes(end - at):
        raise _malformed("padding that is missing or not zero")
    return end


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 8)


def _malformed(why: str) -> WorldstepError:
    return WorldstepError("message_malformed", f"a message can't be decoded: {why}", {}, "use matching versions")
