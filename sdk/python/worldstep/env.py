"""One world on a server, as a Gymnasium env."""

from __future__ import annotations

from typing import Any, Optional

import gymnasium
import numpy as np

from worldstep.connection import Connection
from worldstep.errors import WorldstepError
from worldstep.session import Session, draw_seed, observation, reset_all
from worldstep.spaces import box, checked, observation_space

DEFAULT_URL = "ws://localhost:8777"


class WorldstepEnv(gymnasium.Env):
    """A session of `world` (default: the server's first) on the server at `url`.

    A step is one tick: an action block, float32 [stride, A]. An observation has `frames`, uint8 [stride, H, W, 3], newest
    last, and `proprioception`, float32 [P]; `world_info` says what their elements are. `task` and `max_ticks` (0: never
    truncated) are those of a reset without options; `reset(options={...})` takes `task`, `start`, `max_ticks`, `frames`,
    `actions` and `proprioception` (docs/protocol.md). `nfe`: denoiser evaluations a tick. `timeout`: seconds that a call
    may take, with all reconnecting.

    Raises `WorldstepError`; a call that failed leaves the env at its last tick.
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
    ) -> None:
        check_render_mode(render_mode)
        self.render_mode = render_mode
        self.nfe = nfe
        self._defaults = {"task": task, "max_ticks": max_ticks}
        self._frame: Optional[np.ndarray] = None
        self._connection = Connection(url, timeout)
        try:
            self.world_info, [self._session] = open_world(self._connection, world, 1)
        except WorldstepError:
            self._connection.close()
            raise
        self.metadata = metadata_of(self.world_info)
        self.observation_space = observation_space(self.world_info["observationSpace"])
        self.action_space = box(self.world_info["actionSpace"])

    def reset(
        self, *, seed: Optional[int] = None, options: Optional[dict[str, Any]] = None
    ) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        super().reset(seed=seed)
        # Without a seed the episode's is drawn here, so that a reset whose reply was lost can be sent again.
        episode_seed = draw_seed(self.np_random) if seed is None else int(seed)
        request = self._session.reset_request(episode_seed, {**self._defaults, **(options or {})})
        [reply] = reset_all(self._connection, [self._session], [request])
        if isinstance(reply, WorldstepError):
            raise reply
        return self._shown(observation(reply)), reply.header["info"]

    def step(self, action: Any) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        request = self._session.step_request(checked(self.action_space, action), self.nfe)
        [reply] = self._connection.call_all([request])
        if isinstance(reply, WorldstepError):
            raise reply
        self._session.commit(reply)
        header = reply.header
        shown = self._shown(observation(reply))
        return shown, float(header["reward"]), header["terminated"], header["truncated"], header["info"]

    def step_chunk(self, actions: Any) -> list[tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]]:
        """The next ticks, denoised jointly, where the world does that: `actions` are 1 to `world_info["chunk"]` blocks,
        [K, stride, A]. What `step` returns, one a tick, up to the tick that ends the episode. Raises `action_chunk`."""
        blocks, most = list(actions), self.world_info.get("chunk", 1)
        if not 1 <= len(blocks) <= most:
            facts = {"ticks": len(blocks), "most": most}
            raise WorldstepError("action_chunk", f"a chunk of {len(blocks)} ticks", facts, f"send 1 to {most} action blocks")
        request = self._session.chunk_request(np.stack([checked(self.action_space, block) for block in blocks]), self.nfe)
        [reply] = self._connection.call_all([request])
        if isinstance(reply, WorldstepError):
            raise reply
        self._session.commit(reply)
        stacked, ticks = observation(reply), reply.header["ticks"]
        return [
            (
                self._shown({name: tensor[k] for name, tensor in stacked.items()}),
                float(tick["reward"]),
                tick["terminated"],
                tick["truncated"],
                tick["info"],
            )
            for k, tick in enumerate(ticks)
        ]

    def render(self) -> Optional[np.ndarray]:
        """The newest frame, uint8 [H, W, 3], if `render_mode` is `rgb_array`. Raises `reset_needed`."""
        if self.render_mode is None:
            return None
        if self._frame is None:
            raise WorldstepError("reset_needed", "render() before the first reset()", {"why": "never_reset"}, "call reset()")
        return self._frame.copy()

    def close(self) -> None:
        self._connection.close()

    def _shown(self, shown: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self.render_mode is not None:
            self._frame = shown["frames"][-1].copy()
        return shown


def open_world(connection: Connection, world: Optional[str], count: int) -> tuple[dict[str, Any], list[Session]]:
    """Opens `count` sessions of `world`, or of the server's first world."""
    name = world or next(iter(connection.worlds))
    sessions = [Session(id) for id in connection.open(name, count)]
    return connection.worlds[name], sessions


def metadata_of(world_info: dict[str, Any]) -> dict[str, Any]:
    """One frame a tick is rendered, so `render_fps` is ticks a second."""
    return {"render_modes": ["rgb_array"], "render_fps": world_info["fps"] / world_info["stride"]}


def check_render_mode(render_mode: Optional[str]) -> None:
    if render_mode not in (None, "rgb_array"):
        facts = {"option": "render_mode", "value": render_mode}
        raise WorldstepError("option_invalid", f'no render mode "{render_mode}"', facts, 'use "rgb_array" or None')
