"""Sessions of one world, stepped together over one socket: Gymnasium's vector env, with the results of a `SyncVectorEnv`."""

from __future__ import annotations

import copy
from typing import Any, Callable, Optional, Sequence, Union

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from worldstep.connection import Connection, Request
from worldstep.env import DEFAULT_URL, WorldstepEnv, check_shown, metadata_of, open_sessions
from worldstep.errors import WorldstepError
from worldstep.options import Options, check_count, check_num_envs, for_each, reset_request
from worldstep.session import Place, Sessions, Turn, observation, of_env, step_request
from worldstep.spaces import box, checked, checked_chunk, length_of, observation_space


class WorldstepVectorEnv(VectorEnv):
    """`num_envs` sessions of a world; the other arguments are those of `WorldstepEnv`.

    The requests of a call are all sent before the first reply is awaited. A bad action is refused before any env is stepped.
    If the server fails for some envs, `WorldstepError` has `facts["failed"]`: the same call again finishes it and steps no env
    twice; any other goes on from where each env is.
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
        token: Optional[str] = None,
        proxy: Union[str, bool, None] = True,
        observe: Optional[Sequence[str]] = None,
    ) -> None:
        check_shown(render_mode, observe)
        check_num_envs(num_envs)
        self.closed = True  # until there is something to close
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.render_mode = render_mode
        self.nfe = nfe
        self.observe = observe
        self.num_envs = num_envs
        self._defaults = {"task": task, "max_ticks": max_ticks}
        self._door = (url, timeout, token, proxy)
        connection = Connection(*self._door)
        self._use(connection, open_sessions(connection, world, num_envs), [None] * num_envs)

    def _use(self, connection: Connection, sessions: Sessions, rngs: list[Optional[np.random.Generator]]) -> None:
        self._connection, self._sessions, self._rngs = connection, sessions, rngs
        self.closed = False
        self._shown: list[Optional[dict[str, np.ndarray]]] = [None] * self.num_envs
        self.metadata = {**metadata_of(self.world_info), "autoreset_mode": self.autoreset_mode}
        self.single_observation_space = observation_space(self.world_info, self.observe)
        self.single_action_space = box(self.world_info["actionSpace"])
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    @classmethod
    def of_forks(
        cls,
        env: gymnasium.Env,
        num_envs: int,
        seed: Union[int, Sequence[Optional[int]], None] = None,
        autoreset_mode: Union[AutoresetMode, str] = AutoresetMode.NEXT_STEP,
    ) -> WorldstepVectorEnv:
        """`num_envs` forks of `env`, a `WorldstepEnv` or one that is wrapped, at its present moment, on a connection of their own; all
        else is as `env` has it. They need no reset. `seed`: as that of `reset`, an int seeds fork i with `seed + i`; the forks'
        random numbers, those of resets too, are of it from their next tick on. Without one they are alike until their actions
        differ. Raises `reset_needed`, `env_cannot_fork`, `option_vector`, `capacity_sessions`; none stays open then.
        """
        own = env.unwrapped
        if not isinstance(own, WorldstepEnv):
            message = f"forks of a {type(own).__name__}, which is no WorldstepEnv"
            raise WorldstepError("env_cannot_fork", message, {}, "fork an env of worldstep")
        check_num_envs(num_envs)
        forks = cls.__new__(cls)
        forks.closed = True  # until there is something to close
        forks.num_envs, forks.autoreset_mode = num_envs, AutoresetMode(autoreset_mode)
        forks.render_mode, forks.nfe, forks.observe = own.render_mode, own.nfe, own.observe
        forks._defaults, forks._door = own._defaults, own._door
        forks._fork(own._sessions, [0] * num_envs, forks._seeds(seed), [own.np_random] * num_envs)
        return forks

    def fork(self, seed: Union[int, Sequence[Optional[int]], None] = None) -> WorldstepVectorEnv:
        """Another vector at this moment, on a connection of its own: fork i is of env i. Without a seed both go on alike, autoresets
        included; `seed` is that of `of_forks`. Raises what that raises.
        """
        fork = copy.copy(self)
        fork.closed = True
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        then = (lambda i: self._reset_request(i, None, {})) if same_step else None
        fork._fork(self._sessions, list(range(self.num_envs)), self._seeds(seed), self._rngs, then)
        fork._shown = list(self._shown)
        fork._np_random = copy.deepcopy(self._np_random)
        return fork

    def _fork(
        self,
        sessions: Sessions,
        which: list[int],
        seeds: list[Optional[int]],
        rngs: Sequence[Optional[np.random.Generator]],
        then: Optional[Callable[[int], Request]] = None,
    ) -> None:
        """Becomes forks of those of `sessions`, which draw from `rngs` where they have no seed."""
        connection = Connection(*self._door)
        try:
            forks = sessions.fork(connection, which, seeds, then)
        except BaseException:
            connection.close()
            raise
        own = [copy.deepcopy(rng) if seed is None else seeding.np_random(seed)[0] for seed, rng in zip(seeds, rngs)]
        self._use(connection, forks, own)

    @property
    def world_info(self) -> dict[str, Any]:
        return self._sessions.world_info

    def reset(
        self,
        *,
        seed: Union[int, Sequence[Optional[int]], None] = None,
        options: Options = None,
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Begins episodes: of all envs, or of those of `options["reset_mask"]`, bool [N].

        `seed`: an int seeds env i with `seed + i`; a list has one for each. `options`: those of `WorldstepEnv.reset` for all
        envs, or a list of N of them; or each option by itself for all or for each: `task`, `start` and `max_ticks` as a list
        of N, `frames` uint8 [N, F, H, W, 3], `actions` float32 [N, n, stride, A], `proprioception` float32 [N, P] (lists of N
        arrays may differ in length). Autoresets take none of them, as Gymnasium's. Raises `option_vector` and `option_mask`.
        """
        seeds = self._seeds(seed)
        which = list(range(self.num_envs))
        if options is not None and "reset_mask" in options:
            options = dict(options)
            which = self._masked(options.pop("reset_mask"))
        each = for_each(options, self.num_envs)
        replies = self._sessions.reset({i: self._reset_request(i, seeds[i], each[i]) for i in which})
        infos: dict[str, Any] = {}
        for i, reply in replies.items():
            self._shown[i] = observation(reply)
            infos = self._add_info(infos, reply.header["info"], i)
        result = self._observations(), infos
        self._sessions.deliver(which)
        return result

    def step(self, actions: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        turns = self._turns(actions, lambda action: checked(self.single_action_space, action))
        infos: dict[str, Any] = {}
        for i, turn in enumerate(turns):
            self._shown[i] = observation((turn.then or turn).reply)
            infos = self._add_infos(infos, turn, turn.reply.header["info"], observation(turn.reply), i)
        headers = [turn.reply.header for turn in turns]
        # An autoreset of NEXT_STEP is answered by an observation without these.
        rewards = np.array([header.get("reward", 0.0) for header in headers], np.float64)
        terminations = np.array([header.get("terminated", False) for header in headers], np.bool_)
        truncations = np.array([header.get("truncated", False) for header in headers], np.bool_)
        result = self._observations(), rewards, terminations, truncations, infos
        self._sessions.deliver(range(self.num_envs))
        return result

    def step_chunk(self, actions: Any) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """The next K ticks of every env in one round trip, denoised jointly, where the world does that: `actions` are float32
        [N, K, stride, A], K from 1 to `world_info["chunk"]`. Raises `action_chunk`, and what `step` raises.

        Returns what `step` does with a tick axis behind the first: observations [N, K, ...], rewards [N, K], terminations and
        truncations [N, K]. An env whose episode ends within the chunk makes no tick behind that, whatever its actions:
        `infos["valid"]`, bool [N, K], is True for the ticks that it made; behind them rewards are 0, nothing is terminated or
        truncated, and the observation is its newest. `infos["ticks"]` has for each env the infos of its ticks, a list; the
        rest of `infos` is that of its last one.

        SAME_STEP: an env that ended is reset in the same call: its observations from the last tick on are the new episode's,
        those of the last tick are `infos["final_obs"]`. NEXT_STEP: the call after resets it and ignores all its K actions: no
        tick is valid, and every observation is the new episode's. DISABLED: the caller resets it.
        So `observations[...][:, -1]` are always what to act on.
        """
        self._check_count(actions)
        most = self.world_info.get("chunk", 1)
        lengths = {length_of(own) for own in actions}
        if len(lengths) > 1:
            raise WorldstepError(
                "action_shape", "chunks of several lengths", {"got": sorted(lengths)}, "send all envs as many ticks"
            )
        [ticks] = lengths
        turns = self._turns(actions, lambda own: checked_chunk(self.single_action_space, own, most))
        shape = (self.num_envs, ticks)
        observations = {
            key: np.empty((*shape, *space.shape), space.dtype) for key, space in self.single_observation_space.items()
        }
        rewards = np.zeros(shape, np.float64)
        terminations, truncations = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
        infos: dict[str, Any] = {}
        for i, turn in enumerate(turns):
            made = turn.reply.header.get("ticks", [])  # none of an autoreset of NEXT_STEP
            count = len(made)
            stacked = observation(turn.reply)
            last = {key: tensor[-1] for key, tensor in stacked.items()} if made else stacked
            newest = self._shown[i] = observation(turn.then.reply) if turn.then else last
            for key, values in observations.items():
                values[i, :count] = stacked[key] if made else 0
                values[i, max(0, count - 1) :] = newest[key]
            rewards[i, :count] = [tick["reward"] for tick in made]
            terminations[i, :count] = [tick["terminated"] for tick in made]
            truncations[i, :count] = [tick["truncated"] for tick in made]
            infos = self._add_infos(infos, turn, made[-1]["info"] if made else turn.reply.header["info"], last, i)
            own = {"valid": np.arange(ticks) < count, "ticks": [tick["info"] for tick in made]}
            infos = self._add_info(infos, own, i)
        result = observations, rewards, terminations, truncations, infos
        self._sessions.deliver(range(self.num_envs))
        return result

    def render(self) -> Optional[tuple[np.ndarray, ...]]:
        """The newest frame of each env, uint8 [H, W, 3], if `render_mode` is `rgb_array`."""
        if self.render_mode is None:
            return None
        return tuple(self._observations()["frames"][:, -1].copy())

    def close_extras(self, **kwargs: Any) -> None:
        self._connection.close()

    def __del__(self) -> None:
        """Gymnasium's would close, and wait, wherever the collector runs; the connection ends itself."""

    def _turns(self, actions: Any, check: Callable[[Any], np.ndarray]) -> list[Turn]:
        """A turn of each env under its own of `actions`."""
        self._check_count(actions)

        def make(i: int, place: Place) -> Request:
            if place.ended and self.autoreset_mode is AutoresetMode.NEXT_STEP:
                return self._reset_request(i, None, {})
            try:
                return step_request(place, check(actions[i]), self.nfe, self.observe)
            except WorldstepError as error:
                raise of_env(i, error, [i]) from error

        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        return self._sessions.step(make, (lambda i: self._reset_request(i, None, {})) if same_step else None)

    def _check_count(self, actions: Any) -> None:
        got = length_of(actions)
        if got != self.num_envs:
            facts = {"expected": self.num_envs, "got": got}
            raise WorldstepError("action_shape", f"{got} actions for {self.num_envs} envs", facts, "send one for each")

    def _reset_request(self, i: int, seed: Optional[int], options: dict[str, Any]) -> Request:
        rng = self._rngs[i]
        if seed is not None or rng is None:
            rng, _ = seeding.np_random(seed)
            self._rngs[i] = rng
            self._sessions.forget_seed(i)
        episode_seed = self._sessions.draw_seed(i, rng) if seed is None else seed
        return reset_request(episode_seed, {**self._defaults, **options})

    def _add_infos(
        self, infos: dict[str, Any], turn: Turn, info: dict[str, Any], shown: dict[str, np.ndarray], i: int
    ) -> dict[str, Any]:
        """With env i's `info`; where it was reset in the same call the reset's, and `info` and `shown` as its final ones."""
        if turn.then is None:
            return self._add_info(infos, info, i)
        infos = self._add_info(infos, {"final_obs": shown, "final_info": info}, i)
        return self._add_info(infos, turn.then.reply.header["info"], i)

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
        check_count("seeds", len(seed), self.num_envs)
        return [None if own is None else int(own) for own in seed]

    def _masked(self, mask: Optional[np.ndarray]) -> list[int]:
        if mask is None:
            return list(range(self.num_envs))
        good = isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == (self.num_envs,) and mask.any()
        if not good:
            message = "reset_mask is not a bool array [num_envs] with a True in it"
            raise WorldstepError("option_mask", message, {"num_envs": self.num_envs}, "give one")
        return [int(i) for i in np.flatnonzero(mask)]
