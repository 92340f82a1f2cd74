"""The sessions of an env on its connection: where each of them is, and the calls that have begun.

Every request may be sent twice (a step names its tick, a reset always has a seed), and a call counts only when its caller has
all results: `deliver` is the last thing that it does. So a call that got no answer or was interrupted, at whatever point, is
finished by the same call again, which makes no tick twice; any other call finishes it first, where it had been sent. Sessions
that are gone (a restarted server) are opened anew by a reset.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from worldstep.connection import Connection, Request
from worldstep.errors import WorldstepError, reset_needed
from worldstep.patience import logger
from worldstep.table import LASTING
from worldstep.wire import Message

SEEDS = 2**53
# Requests that lead a session to somewhere from anywhere: also a new one.
BEGINNINGS = ("reset", "restore")


class Place(NamedTuple):
    """Where a session is, as its env knows."""

    session: str
    tick: Optional[int] = None  # the last one; None: never reset
    ended: bool = False


class Turn:
    """What one session does in a call, until the call is over."""

    def __init__(self, request: Request, before: Optional[Turn] = None) -> None:
        self.request = request
        self.reply: Optional[Message] = None
        self.then: Optional[Turn] = None  # the reset that follows in the same call
        self.before = before  # what is unfinished again should this reset be refused
        self.is_call = False  # whether it is reset() itself, not a step's
        self.sent = False  # whether the server may know of it


class State:
    """Replaced whole by `deliver`, so that no interrupt falls between its parts."""

    def __init__(self, places: list[Place], turns: list[Optional[Turn]], drawn: dict[int, int]) -> None:
        self.places = places
        self.turns = turns
        self.drawn = drawn  # seeds that no episode has had yet, by index


# What the session at an index does from where it is. It may raise: nothing has been sent by then.
Make = Callable[[int, Place], Request]


class Sessions:
    """`count` sessions of `world`, opened at once, or those that are at `places` already. Raises what the server says."""

    def __init__(self, connection: Connection, world: str, count: int, places: Sequence[Place] = ()) -> None:
        self._connection = connection
        self._world = world
        if not places:
            with connection.one_call():
                places = [Place(id) for id in connection.open(world, count)]
        self.world_info = connection.worlds[world]
        self._state = State(list(places), [None] * count, {})

    @property
    def drawn(self) -> Optional[int]:
        """The first session's seed that no episode has had yet."""
        return self._state.drawn.get(0)

    @drawn.setter
    def drawn(self, seed: Optional[int]) -> None:
        if seed is None:
            self.forget_seed(0)
        else:
            self._state.drawn[0] = seed

    def ask(self, type: str, fields: Mapping[str, Any], tensors: Optional[Mapping[str, np.ndarray]] = None) -> Message:
        """The reply to a request about the first session as it is: what other calls began is finished before."""
        with self._connection.one_call():
            if any(turn is not None for turn in self._state.turns):
                self._settle(None)
            [outcome] = self._connection.call_all([self._addressed(0, Request(type, fields, tensors or {}))])
        if isinstance(outcome, WorldstepError):
            raise outcome
        return outcome

    def fork(
        self,
        connection: Connection,
        which: Sequence[int],
        seeds: Sequence[Optional[int]],
        then: Optional[Callable[[int], Request]] = None,
    ) -> Sessions:
        """Forks of the sessions at the indices `which`, an index a fork, taken over by a connection of their own: all or none.
        What other calls began is finished before; `then` is that of `step`."""
        with self._connection.one_call():
            if any(turn is not None for turn in self._state.turns):
                self._settle(then)
            asked = [Request("fork", {} if seed is None else {"seed": seed}) for seed in seeds]
            requests = [self._addressed(i, request) for i, request in zip(which, asked)]
            most = self._connection.hello["limits"]["maxInFlight"]  # of one session
            parts = [requests[i : i + most] for i in range(0, len(requests), most)]
            outcomes = [outcome for part in parts for outcome in self._connection.call_all(part)]
            headers = [outcome.header for outcome in outcomes if isinstance(outcome, Message)]
            try:
                for outcome in outcomes:
                    if isinstance(outcome, WorldstepError):
                        raise outcome
                for header in headers:
                    connection.take(header["session"], header["token"])
                    self._connection.give(header["session"])
            except WorldstepError:
                self._connection.free([header["session"] for header in headers])
                raise
        places = [Place(header["session"], header["tick"], header["ended"]) for header in headers]
        fork = Sessions(connection, self._world, len(places), places)
        drawn = [self._state.drawn.get(i) if seed is None else None for i, seed in zip(which, seeds)]
        fork._state.drawn.update({k: seed for k, seed in enumerate(drawn) if seed is not None})
        return fork

    def draw_seed(self, i: int, rng: np.random.Generator) -> int:
        """A seed for an episode that was given none: the same until an episode has begun with it."""
        drawn = self._state.drawn
        if i not in drawn:
            before = rng.bit_generator.state
            try:
                drawn[i] = int(rng.integers(SEEDS))
            except BaseException:  # an interrupt: as if nothing had been drawn
                drawn.pop(i, None)
                rng.bit_generator.state = before
                raise
        return drawn[i]

    def forget_seed(self, i: int) -> None:
        self._state.drawn.pop(i, None)

    def reset(self, requests: Mapping[int, Request]) -> dict[int, Message]:
        """Resets the sessions at some indices, or restores them. One that is refused stays where it was. Raises as `step` does."""
        turns = self._state.turns
        with self._connection.one_call():
            for i, request in requests.items():
                if not is_same(turns[i], request):
                    turns[i] = Turn(request, before=turns[i])
                turns[i].is_call = True
            self._run({i: turns[i] for i in requests})
        return {i: turns[i].reply for i in requests}

    def step(self, make: Make, then: Optional[Callable[[int], Request]] = None) -> list[Turn]:
        """A turn of every session, and where that ends its episode `then` another. Raises the first error, with the index as
        `facts["env"]` and all that failed as `facts["failed"]` where there are several sessions."""
        with self._connection.one_call():
            if any(turn is not None and turn.is_call for turn in self._state.turns):
                self._settle(then)
            requests = self._made(make)
            if not all(turn is None or is_same(turn, request) for turn, request in zip(self._state.turns, requests)):
                self._settle(then)
                requests = self._made(make)
            turns = self._state.turns
            for i, request in enumerate(requests):
                if turns[i] is None:
                    turns[i] = Turn(request)
            self._finish(dict(enumerate(turns)), then)
        return list(turns)

    def deliver(self, which: Iterable[int]) -> None:
        """The call of the sessions `which` is over: its caller has all results."""
        places, turns, drawn = list(self._state.places), list(self._state.turns), dict(self._state.drawn)
        for i in which:
            if began_episode(turns[i]):
                drawn.pop(i, None)
            places[i], turns[i] = after(places[i], turns[i]), None
        self._state = State(places, turns, drawn)

    def _made(self, make: Make) -> list[Request]:
        return [make(i, place) for i, place in enumerate(self._state.places)]

    def _settle(self, then: Optional[Callable[[int], Request]]) -> None:
        """Finishes what another call began. Steps that never left are as if they had not begun."""
        turns = self._state.turns
        begun = {i: turn for i, turn in enumerate(turns) if turn is not None}
        if not any(turn.sent or turn.is_call for turn in begun.values()):
            turns[:] = [None] * len(turns)
            return
        self._finish(begun, then)
        self.deliver(begun)

    def _finish(self, turns: Mapping[int, Turn], then: Optional[Callable[[int], Request]]) -> None:
        self._run(turns)
        if then is None:
            return
        ended = {i: turn for i, turn in turns.items() if after(self._state.places[i], turn).ended or turn.then}
        for i, turn in ended.items():
            turn.then = turn.then or Turn(then(i))
        self._run({i: turn.then for i, turn in ended.items()})

    def _run(self, turns: Mapping[int, Turn], reopen: bool = True) -> None:
        """Sends what has no reply yet, all before the first reply is awaited. What is refused is as if it had not begun."""
        state = self._state
        waiting = {i: turn for i, turn in turns.items() if turn.reply is None}
        requests = [self._addressed(i, turn.request) for i, turn in waiting.items()]
        failed: dict[int, WorldstepError] = {}
        lost = []

        def sending() -> None:
            for turn in waiting.values():
                turn.sent = True

        for (i, turn), outcome in zip(waiting.items(), self._connection.call_all(requests, sending)):
            if isinstance(outcome, Message):
                turn.reply = outcome
            elif reopen and turn.request.type in BEGINNINGS and self._connection.is_gone(state.places[i].session):
                lost.append(i)
            else:
                failed[i] = outcome
                if state.turns[i] is turn:
                    state.turns[i] = turn.before
        if lost:
            self._reopen(lost)
            self._run({i: turns[i] for i in lost}, reopen=False)
        if failed:
            i, error = next(iter(failed.items()))
            raise error if len(state.places) == 1 else of_env(i, error, list(failed))

    def _addressed(self, i: int, request: Request) -> Request:
        return request._replace(fields={"session": self._state.places[i].session, **request.fields})

    def _reopen(self, which: Sequence[int]) -> None:
        """New sessions for those that are gone. Raises `request_unknown_world` where the server's world is another now."""
        name, old = self._world, self.world_info
        ids = self._connection.open(name, len(which))
        new = self._connection.worlds[name]
        if any(new.get(key) != old.get(key) for key in LASTING):
            self._connection.free(ids)
            message = f"the server's world {name} is not the one that this env was made for: its spaces or channels differ"
            raise WorldstepError("request_unknown_world", message, {"world": name}, "make the env anew")
        if new["hash"] != old["hash"]:
            logger.warning("worldstep: the server's world %s has changed: its episodes are no longer those of before", name)
        self.world_info = new
        for i, id in zip(which, ids):
            if self._state.turns[i] is not None:
                self._state.turns[i].before = None  # that was in the old session
            self._state.places[i] = Place(id)


def step_request(
    place: Place, action: np.ndarray, nfe: Optional[int] = None, observe: Optional[Sequence[str]] = None
) -> Request:
    """A step under `action`, float32 [stride, A], or a chunk, [K, stride, A]. Raises `reset_needed`."""
    if place.ended or place.tick is None:
        raise reset_needed(place.ended)
    asked = {"nfe": nfe, "observe": None if observe is None else list(observe)}
    fields = {"tick": place.tick + 1, **{name: value for name, value in asked.items() if value is not None}}
    if action.ndim == 2:
        return Request("step", fields, {"action": action})
    return Request("stepChunk", fields, {"actions": action})


def is_same(turn: Optional[Turn], request: Request) -> bool:
    """Whether `turn` is of that very request, bit for bit."""
    if turn is None or (turn.request.type, turn.request.fields) != (request.type, request.fields):
        return False
    ours, theirs = turn.request.tensors, request.tensors
    return ours.keys() == theirs.keys() and all(
        tensor.shape == theirs[name].shape and tensor.tobytes() == theirs[name].tobytes() for name, tensor in ours.items()
    )


def after(place: Place, turn: Optional[Turn]) -> Place:
    """Where a session is after a turn, as far as that has got."""
    if turn is None or turn.reply is None:
        return place
    header = turn.reply.header
    last = header["ticks"][-1] if "ticks" in header else header
    ended = last.get("terminated") or last.get("truncated") or header.get("ended")
    there = Place(place.session, header["tick"], bool(ended))
    return after(there, turn.then)


def began_episode(turn: Optional[Turn]) -> bool:
    """Whether an episode began in `turn` with a seed of its own."""
    return turn is not None and ((turn.reply is not None and turn.request.type == "reset") or began_episode(turn.then))


def of_env(i: int, error: WorldstepError, failed: list[int]) -> WorldstepError:
    facts = {**error.facts, "env": i, "failed": failed}
    return WorldstepError(error.code, f"env {i}: {error.message}", facts, error.remedy)


def observation(reply: Message) -> dict[str, np.ndarray]:
    prefix = "observation."
    return {name[len(prefix) :]: tensor for name, tensor in reply.tensors.items() if name.startswith(prefix)}
