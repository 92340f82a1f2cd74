"""One world on a server, as a Gymnasium env."""

from __future__ import annotations

import copy
from typing import Any, Optional, Sequence, Union

import gymnasium
import numpy as np
from gymnasium.utils import seeding

from worldstep.arrays import tensor_of
from worldstep.connection import Connection, Request
from worldstep.errors import WorldstepError
from worldstep.options import plain, reset_request
from worldstep.session import Sessions, observation, step_request
from worldstep.snapshot import Snapshot
from worldstep.spaces import box, check_observe, checked, checked_chunk, observation_space

DEFAULT_URL = "ws://localhost:8777"
PLAN_OPTIONS = {"method", "over", "horizon", "samples", "iterations", "nfe", "task", "goal", "seed"}


class WorldstepEnv(gymnasium.Env):
    """A session of `world` (default: the server's first) on the server at `url`.

    A step is one tick: an action block, float32 [stride, A]. An observation has `frames`, uint8 [stride, H, W, 3], newest
    last, and `proprioception`, float32 [P]. `world_info` is what the server says of the world: `world_info["action"]` are the A
    channels of an action (`scale` and `unscale` go by them). `task` and `max_ticks` (0: never truncated) are those of a reset
    without options; `reset(options={...})` takes `task`, `start`, `max_ticks`, `frames`, `actions` and `proprioception`
    (docs/protocol.md). `nfe`: denoiser evaluations a tick. `timeout`: seconds that a call may take, with all reconnecting.
    `observe`: what observations hold, `["frames"]`, `["state"]` (all but frames) or both, the default; frames that nobody asks
    for are not made, which saves half of a step.

    `token`: what the server was started with; default: WORLDSTEP_TOKEN of the environment. `proxy`: the address of one; True
    for the environment's, which is never asked for this machine and private networks; None for none.

    Raises `WorldstepError`; a call that failed leaves the env at its last tick. What was interrupted is finished by the same
    call again, or before the next; no tick is made twice. Where the server was restarted a step is `session_unknown`, and a
    reset opens a new session. For one thread; a forked child begins with a reset.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}

    def __init__(
        self,
        url: str = DEFAULT_URL,
        world: Optional[str] = None,
        task: Optional[str] = None,
        nfe: Optional[int] = None,
        max_ticks: Optional[int] = None,
        render_mode: Optional[str] = None,
        timeout: float = 60.0,
        token: Optional[str] = None,
        proxy: Union[str, bool, None] = True,
        observe: Optional[Sequence[str]] = None,
    ) -> None:
        check_shown(render_mode, observe)
        self.render_mode = render_mode
        self.nfe = nfe
        self.observe = observe
        self._defaults = {"task": task, "max_ticks": max_ticks}
        self._frame: Optional[np.ndarray] = None
        self._door = (url, timeout, token, proxy)
        connection = Connection(*self._door)
        self._use(connection, open_sessions(connection, world, 1))

    def _use(self, connection: Connection, sessions: Sessions) -> None:
        self._connection, self._sessions = connection, sessions
        self.metadata = metadata_of(self.world_info)
        self.observation_space = observation_space(self.world_info, self.observe)
        self.action_space = box(self.world_info["actionSpace"])

    @property
    def world_info(self) -> dict[str, Any]:
        return self._sessions.world_info

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        # Without a seed the episode's is drawn here, so that a reset whose reply was lost can be sent again.
        if seed is None:
            episode_seed = self._sessions.draw_seed(0, self.np_random)
        else:
            self._sessions.forget_seed(0)
            episode_seed = int(seed)
        request = reset_request(episode_seed, {**self._defaults, **(options or {})})
        reply = self._sessions.reset({0: request})[0]
        result = self._shown(observation(reply)), reply.header["info"]
        self._sessions.deliver([0])
        return result

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        block = checked(self.action_space, action)
        [turn] = self._sessions.step(lambda _, place: step_request(place, block, self.nfe, self.observe))
        header = turn.reply.header
        shown = self._shown(observation(turn.reply))
        result = shown, float(header["reward"]), header["terminated"], header["truncated"], header["info"]
        self._sessions.deliver([0])
        return result

    def step_chunk(self, actions: Any) -> list[tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]]:
        """The next ticks, denoised jointly, where the world does that: `actions` are 1 to `world_info["chunk"]` blocks, float32
        [K, stride, A]. What `step` returns, one a tick, up to the tick that ends the episode. Raises `action_chunk`."""
        blocks = checked_chunk(self.action_space, actions, self.world_info.get("chunk", 1))
        [turn] = self._sessions.step(lambda _, place: step_request(place, blocks, self.nfe, self.observe))
        stacked = observation(turn.reply)
        result = [
            (
                self._shown({name: tensor[k] for name, tensor in stacked.items()}),
                float(tick["reward"]),
                tick["terminated"],
                tick["truncated"],
                tick["info"],
            )
            for k, tick in enumerate(turn.reply.header["ticks"])
        ]
        self._sessions.deliver([0])
        return result

    def render(self) -> Optional[np.ndarray]:
        """The newest frame, uint8 [H, W, 3], if `render_mode` is `rgb_array`. Raises `reset_needed`."""
        if self.render_mode is None:
            return None
        if self._frame is None:
            raise WorldstepError("reset_needed", "render() before the first reset()", {"why": "never_reset"}, "call reset()")
        return self._frame.copy()

    def predict(self, actions: Any) -> dict[str, np.ndarray]:
        """Where N action sequences of T ticks, float32 [N, T, stride, A], lead from this moment in the state alone: no frames are
        dreamed, and the env does not move. `states` [N, T, Q], in the units of `world_info["state"]`; `rewards` and `successes`
        (probabilities) [N, T, tasks - 1], of each task but the first. Raises `reset_needed`, `action_shape`, `env_cannot_plan`.
        """
        return dict(self._sessions.ask("predict", {}, {"actions": tensor_of("the actions", actions, np.dtype(np.float32), "action_shape")}).tensors)

    def plan(self, *, begin: Any = None, **options: Any) -> tuple[np.ndarray, float]:
        """The best of many action sequences from this moment, float32 [horizon, stride, A], and the return that it was dreamed to
        bring. The search is one request; the env does not move. Options, all with defaults: `method` ("cem", "mppi"), `over`
        ("state", "world": forks, which draw this session's own noise), `horizon`, `samples`, `iterations`, `nfe` (evaluations of
        each tick over the world), `task` or `goal` (values by names of `world_info["state"]`, with units), `seed`, and `begin`,
        where to begin, float32 [horizon, stride, A], of whose blocks the first row counts. Raises `reset_needed`,
        `option_plan`, `option_nfe`, `option_task`, `env_cannot_plan`.
        """
        tensors = {} if begin is None else {"begin": tensor_of("begin", begin, np.dtype(np.float32), "action_shape")}
        unknown = sorted(set(options) - PLAN_OPTIONS)
        if unknown:
            facts = {"option": unknown[0]}
            raise WorldstepError("option_unknown", f'plan has no option "{unknown[0]}"', facts, f"use one of {', '.join(sorted(PLAN_OPTIONS))}")
        fields = {name: plain(value) for name, value in options.items() if value is not None}
        if isinstance(fields.get("goal"), dict):
            fields["goal"] = {name: float(value) for name, value in fields["goal"].items()}
        reply = self._sessions.ask("plan", fields, tensors)
        return reply.tensors["actions"], float(reply.header["plannedReturn"])

    def fork(self, seed: Optional[int] = None) -> WorldstepEnv:
        """Another env at this moment, on a connection of its own. Without a seed both go on alike: the same actions give the
        same bits, resets the same episodes. With one the fork's random numbers, those of resets too, are of that seed.

        Raises `reset_needed` before the first reset, and `env_cannot_fork`. Of a wrapped env: `env.unwrapped.fork()`.
        """
        connection = Connection(*self._door)
        try:
            sessions = self._sessions.fork(connection, [0], [None if seed is None else int(seed)])
        except BaseException:
            connection.close()
            raise
        fork = copy.copy(self)
        fork._use(connection, sessions)
        if seed is None:
            fork._np_random = copy.deepcopy(self._np_random)
        else:
            fork._np_random, fork._np_random_seed = seeding.np_random(int(seed))
        return fork

    def snapshot(self) -> Snapshot:
        """This moment, to be pickled: an env of the same world that restores it, in whatever process and on whatever server,
        goes on bit for bit as this one, resets without a seed included. Raises `reset_needed` and `env_cannot_snapshot`.
        """
        data = self._sessions.ask("snapshot", {}).tensors["snapshot"].tobytes()
        return Snapshot(data, self.np_random.bit_generator.state, self._sessions.drawn)

    def restore(self, snapshot: Union[Snapshot, bytes]) -> None:
        """Goes on from a snapshot, also before the first reset. Bytes alone, of a client in another language, leave this env's
        `np_random` as it is. Where that fails (`snapshot_damaged`, `_version`, `_world`, `_backend`), nothing has changed.
        """
        kept = snapshot if isinstance(snapshot, Snapshot) else Snapshot(bytes(snapshot))
        request = Request("restore", {}, {"snapshot": np.frombuffer(kept.data, np.uint8)})
        self._sessions.reset({0: request})
        self._frame = None
        if kept.rng is not None:
            self.np_random.bit_generator.state = kept.rng
        self._sessions.deliver([0])
        self._sessions.drawn = kept.drawn

    def close(self) -> None:
        self._connection.close()

    def _shown(self, shown: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.render_mode is not None:
            self._frame = shown["frames"][-1].copy()
        return {key: shown[key] for key in self.observation_space.keys()}


def open_sessions(connection: Connection, world: Optional[str], count: int) -> Sessions:
    """`count` sessions of `world`, or of the server's first world. Where that fails the connection is closed."""
    try:
        return Sessions(connection, world or next(iter(connection.worlds)), count)
    except BaseException:
        connection.close()
        raise


def metadata_of(world_info: dict[str, Any]) -> dict[str, Any]:
    """One frame a tick is rendered, so `render_fps` is ticks a second."""
    return {"render_modes": ["rgb_array"], "render_fps": world_info["fps"] / world_info["stride"]}


def check_shown(render_mode: Optional[str], observe: Optional[Sequence[str]]) -> None:
    check_observe(observe)
    if render_mode is not None and observe is not None and "frames" not in observe:
        facts = {"option": "render_mode", "value": render_mode}
        raise WorldstepError("option_invalid", "an env that observes no frames renders none", facts, 'observe "frames" too')
    if render_mode not in (None, "rgb_array"):
        facts = {"option": "render_mode", "value": render_mode}
        raise WorldstepError("option_invalid", f'no render mode "{render_mode}"', facts, 'use "rgb_array" or None')
