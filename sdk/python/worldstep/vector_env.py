"""Sessions of one world, stepped together over one socket: Gymnasium's vector env, with the results of a `SyncVectorEnv`."""

from __future__ import annotations

from typing import Any, Optional, Sequence, Union

import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from worldstep.connection import Connection, Outcome, Request
from worldstep.env import DEFAULT_URL, check_render_mode, metadata_of, open_world
from worldstep.errors import WorldstepError
from worldstep.session import draw_seed, observation, reset_all
from worldstep.spaces import box, checked, observation_space
from worldstep.wire import Message


class WorldstepVectorEnv(VectorEnv):
    """`num_envs` sessions of a world; the other arguments are those of `WorldstepEnv`.

    The requests of a step are all sent before the first reply is awaited. `reset` takes `options["reset_mask"]`, bool [N],
    too. A bad action is refused before any env is stepped. If the server fails for some envs, `WorldstepError` has
    `facts["failed"]`: the same `step` again finishes it and steps no env twice; where that isn't possible (an autoreset of
    SAME_STEP failed) it says `reset_needed`.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        num_envs: int = 1,
        world: Optional[str] = None,
        task: Optional[str] = None,
        nfe: Optional[int] = None,
        max_ticks: Optional[int] = None,
        autoreset_mode: Union[AutoresetMode, str] = AutoresetMode.NEXT_STEP,
        render_mode: Optional[str] = None,
        timeout: float = 60.0,
    ) -> None:
        check_render_mode(render_mode)
        self.closed = True  # until there is something to close
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.render_mode = render_mode
        self.nfe = nfe
        self.num_envs = num_envs
        self._defaults = {"task": task, "max_ticks": max_ticks}
        self._connection = Connection(url, timeout)
        self.closed = False
        try:
            self.world_info, self._sessions = open_world(self._connection, world, num_envs)
        except WorldstepError:
            self.close()
            raise
        self._rngs: list[Optional[np.random.Generator]] = [None] * num_envs
        self._shown: list[Optional[dict[str, np.ndarray]]] = [None] * num_envs
        self.metadata = {**metadata_of(self.world_info), "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space(self.world_info["observationSpace"])
        self.single_action_space = box(self.world_info["actionSpace"])
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self,
        *,
        seed: Union[int, Sequence[Optional[int]], None] = None,
        options: Optional[dict[str, Any]] = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        seeds = self._seeds(seed)
        rest = dict(options or {})
        which = self._masked(rest.pop("reset_mask", None))
        sessions = [self._sessions[i] for i in which]
        requests = [self._reset_request(i, seeds[i], rest) for i in which]
        outcomes = reset_all(self._connection, sessions, requests)
        self._show(which, outcomes)
        infos: dict[str, Any] = {}
        for i, reply in zip(which, replies(which, outcomes)):
            infos = self._add_info(infos, reply.header["info"], i)
        return self._observations(), infos

    def step(
        self, actions: Any
    ) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        everyone = range(self.num_envs)
        blocks = self._blocks(actions)
        requests = [self._next_request(i, blocks[i]) for i in everyone]
        steps = replies(everyone, self._connection.call_all(requests))
        for session, reply in zip(self._sessions, steps):
            session.commit(reply)
        self._show(everyone, steps)
        infos: dict[str, Any] = {}
        starts = self._autoreset() if self.autoreset_mode is AutoresetMode.SAME_STEP else {}
        for i, reply in enumerate(steps):
            info = reply.header["info"]
            if i in starts:
                infos = self._add_info(infos, {"final_obs": observation(reply), "final_info": info}, i)
                info = starts[i].header["info"]
            infos = self._add_info(infos, info, i)
        # An autoreset of NEXT_STEP is answered by an observation without these.
        rewards = np.array([reply.header.get("reward", 0.0) for reply in steps], np.float64)
        terminations = np.array([reply.header.get("terminated", False) for reply in steps], np.bool_)
        truncations = np.array([reply.header.get("truncated", False) for reply in steps], np.bool_)
        return self._observations(), rewards, terminations, truncations, infos

    def render(self) -> Optional[tuple[np.ndarray, ...]]:
        """The newest frame of each env, uint8 [H, W, 3], if `render_mode` is `rgb_array`."""
        if self.render_mode is None:
            return None
        return tuple(self._observations()["frames"][:, -1].copy())

    def close_extras(self, **kwargs: Any) -> None:
        self._connection.close()

    def _blocks(self, actions: Any) -> list[Optional[np.ndarray]]:
        """An action block for each env; None for those whose action is ignored because they are to be reset."""
        if len(actions) != self.num_envs:
            facts = {"expected": list(self.action_space.shape), "got": list(np.shape(actions))}
            raise WorldstepError("action_shape", f"{len(actions)} actions for {self.num_envs} envs", facts, "send one for each")
        blocks: list[Optional[np.ndarray]] = []
        for i, session in enumerate(self._sessions):
            ignored = session.ended and self.autoreset_mode is AutoresetMode.NEXT_STEP
            try:
                blocks.append(None if ignored else checked(self.single_action_space, actions[i]))
            except WorldstepError as error:
                raise of_env(i, error, [i]) from error
        return blocks

    def _next_request(self, i: int, block: Optional[np.ndarray]) -> Request:
        if block is None:
            return self._reset_request(i, None, {})
        return self._sessions[i].step_request(block, self.nfe)

    def _reset_request(self, i: int, seed: Optional[int], options: dict[str, Any]) -> Request:
        rng = self._rngs[i]
        if seed is not None or rng is None:
            rng, _ = seeding.np_random(seed)
            self._rngs[i] = rng
        episode_seed = draw_seed(rng) if seed is None else int(seed)
        return self._sessions[i].reset_request(episode_seed, {**self._defaults, **options})

    def _autoreset(self) -> dict[int, Message]:
        """Resets the envs that have ended."""
        which = [i for i, session in enumerate(self._sessions) if session.ended]
        requests = [self._reset_request(i, None, {}) for i in which]
        outcomes = reset_all(self._connection, [self._sessions[i] for i in which], requests)
        self._show(which, outcomes)
        return dict(zip(which, replies(which, outcomes)))

    def _show(self, which: Sequence[int], outcomes: Sequence[Outcome]) -> None:
        for i, outcome in zip(which, outcomes):
            if isinstance(outcome, Message):
                self._shown[i] = observation(outcome)

    def _observations(self) -> dict[str, np.ndarray]:
        for shown in self._shown:
            if shown is None:
                raise WorldstepError("reset_needed", "an env was never reset", {"why": "never_reset"}, "call reset() first")
        return {key: np.stack([shown[key] for shown in self._shown]) for key in self.single_observation_space.keys()}

    def _seeds(self, seed: Union[int, Sequence[Optional[int]], None]) -> list[Optional[int]]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, (int, np.integer)):
            return [int(seed) + i for i in range(self.num_envs)]
        if len(seed) != self.num_envs:
            facts = {"expected": self.num_envs, "got": len(seed)}
            raise WorldstepError("option_vector", f"{len(seed)} seeds for {self.num_envs} envs", facts, "give one for each")
        return list(seed)

    def _masked(self, mask: Optional[np.ndarray]) -> list[int]:
        if mask is None:
            return list(range(self.num_envs))
        good = isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (self.num_envs,) and mask.any()
        if not good:
            message = "reset_mask is not a bool array [num_envs] with a True in it"
            raise WorldstepError("option_mask", message, {"num_envs": self.num_envs}, "give one")
        return [int(i) for i in np.flatnonzero(mask)]


def replies(which: Sequence[int], outcomes: Sequence[Outcome]) -> list[Message]:
    """The outcomes if none is an error; else the first error, with all envs that failed in its facts."""
    failed = [i for i, outcome in zip(which, outcomes) if isinstance(outcome, WorldstepError)]
    for i, outcome in zip(which, outcomes):
        if isinstance(outcome, WorldstepError):
            raise of_env(i, outcome, failed) from outcome
    return list(outcomes)  # type: ignore[arg-type]


def of_env(i: int, error: WorldstepError, failed: list[int]) -> WorldstepError:
    facts = {**error.facts, "env": i, "failed": failed}
    return WorldstepError(error.code, f"env {i}: {error.message}", facts, error.remedy)
