"""A session as its client sees it: which tick is next, and the requests that lead on. Every request may be sent twice:
a step names its tick, and a reset always has a seed.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

import numpy as np

from worldstep.connection import Connection, Outcome, Request
from worldstep.errors import WorldstepError, reset_needed
from worldstep.wire import Message

SEEDS = 2**53
# Options of reset(), and their names on the wire.
FIELDS = {"task": "task", "start": "start", "max_ticks": "maxTicks"}
TENSORS = {"frames": np.uint8, "actions": np.float32, "proprioception": np.float32}


class Session:
    def __init__(self, id: str) -> None:
        self.id = id
        self.tick: Optional[int] = None  # the last committed one; None where only a reset leads to a known state
        self.ended = False

    def reset_request(self, seed: int, options: Mapping[str, Any]) -> Request:
        """`options`: those of `FIELDS` and `TENSORS`; None is as good as absent. Raises `option_unknown`."""
        fields: dict[str, Any] = {"session": self.id, "seed": seed}
        tensors = {}
        for name, value in options.items():
            if name not in FIELDS and name not in TENSORS:
                remedy = f"use one of {', '.join([*FIELDS, *TENSORS])}"
                raise WorldstepError("option_unknown", f'reset has no option "{name}"', {"option": name}, remedy)
            if value is None:
                continue
            if name in FIELDS:
                fields[FIELDS[name]] = value
            else:
                tensors[name] = np.asarray(value, TENSORS[name])
        return Request("reset", fields, tensors)

    def step_request(self, action: np.ndarray, nfe: Optional[int]) -> Request:
        """`action`: float32, shape [stride, A]. Raises `reset_needed`."""
        if self.ended or self.tick is None:
            raise reset_needed(self.ended)
        fields = {"session": self.id, "tick": self.tick + 1}
        if nfe is not None:
            fields["nfe"] = nfe
        return Request("step", fields, {"action": action})

    def chunk_request(self, actions: np.ndarray, nfe: Optional[int]) -> Request:
        """`actions`: float32, shape [K, stride, A]. Raises `reset_needed`."""
        return self.step_request(actions, nfe)._replace(type="stepChunk", tensors={"actions": actions})

    def commit(self, reply: Message) -> None:
        """Takes over the state that the reply to a step or reset tells."""
        self.tick = reply.header["tick"]
        last = reply.header["ticks"][-1] if "ticks" in reply.header else reply.header
        self.ended = bool(last.get("terminated") or last.get("truncated"))


def reset_all(connection: Connection, sessions: Sequence[Session], requests: Sequence[Request]) -> list[Outcome]:
    """Resets `sessions` by `requests`. One that is refused stays where it was; one without an answer needs a reset."""
    before = [session.tick for session in sessions]
    for session in sessions:
        session.tick = None
    outcomes = connection.call_all(requests)
    for session, tick, outcome in zip(sessions, before, outcomes):
        if isinstance(outcome, Message):
            session.commit(outcome)
        else:
            session.tick = tick
    return outcomes


def draw_seed(rng: np.random.Generator) -> int:
    """A seed for an episode that was given none."""
    return int(rng.integers(SEEDS))


def observation(reply: Message) -> dict[str, np.ndarray]:
    prefix = "observation."
    return {name[len(prefix) :]: tensor for name, tensor in reply.tensors.items() if name.startswith(prefix)}
