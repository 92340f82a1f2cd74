"""The worked examples of docs/protocol.md, and what is not a message."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from worldstep import WorldstepError
from worldstep.wire import decode, encode

DOC = Path(__file__).parents[3] / "docs" / "protocol.md"


def examples() -> list[bytes]:
    section = DOC.read_text("utf8").split("### worldstep.v1.msgpack")[1].split("### ")[0]
    blocks = re.findall(r"```hex\n(.*?)```", section, re.S)
    return [bytes.fromhex("".join(line.split("#")[0] for line in block.splitlines())) for block in blocks]


STEP = {"type": "step", "id": 3, "session": "s1", "tick": 1, "nfe": 2}
ACTION = np.array([[0.5, -1], [0, 1]], np.float32)


def test_step_is_the_documented_one():
    step, _ = examples()
    assert encode(STEP, {"action": ACTION}) == step


def test_stepped_is_the_documented_one():
    _, stepped = examples()
    header, tensors = decode(stepped)
    assert header == {
        "type": "stepped",
        "id": 3,
        "session": "s1",
        "tick": 1,
        "reward": 0.25,
        "terminated": False,
        "truncated": False,
        "info": {"success": False},
        "serverMs": 1.5,
    }
    assert tensors["observation.frames"].tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    assert tensors["observation.proprioception"].tolist() == [1.5]
    assert encode(header, tensors) == stepped


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1,), (7,), (2, 4, 3)])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_tensors_survive(dtype, shape):
    tensor = np.arange(np.prod(shape, dtype=int)).astype(dtype).reshape(shape)
    _, tensors = decode(encode({"type": "x"}, {"a": tensor, "b": tensor}))
    for got in tensors.values():
        assert got.dtype == tensor.dtype and got.shape == shape and got.flags.writeable
        np.testing.assert_array_equal(got, tensor)


def test_what_is_cut_or_longer_is_malformed():
    whole = encode(STEP, {"action": ACTION})
    for end in range(len(whole)):
        with pytest.raises(WorldstepError) as caught:
            decode(whole[:end])
        assert caught.value.code == "message_malformed"
    for data in (whole + bytes(8), whole[:86] + b"\1" + whole[87:], bytes(8), b"\xff" * 64):
        with pytest.raises(WorldstepError):
            decode(data)
