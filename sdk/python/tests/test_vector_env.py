"""The vector env gives what Gymnasium's `SyncVectorEnv` of single envs gives."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from worldstep import Connection, WorldstepEnv, WorldstepError, WorldstepVectorEnv

SIZE = 3
MODES = list(AutoresetMode)


OPTIONS = {"task": "reach", "max_ticks": 3}


@pytest.fixture
def make(url, world, proxy):  # the proxy, so that what goes through it is closed before it
    """Makes our vector env, by default at the real address."""
    made = []

    def make(mode=AutoresetMode.NEXT_STEP, at=url, **options):
        made.append(WorldstepVectorEnv(at, SIZE, world=world, autoreset_mode=mode, **{**OPTIONS, **options}))
        return made[-1]

    yield make
    for envs in made:
        envs.close()


@pytest.fixture
def make_sync(url, world):
    """Makes Gymnasium's vector env of single envs."""
    made = []

    def make_sync(mode=AutoresetMode.NEXT_STEP):
        make_one = lambda: WorldstepEnv(url, world=world, **OPTIONS)  # noqa: E731
        made.append(SyncVectorEnv([make_one] * SIZE, autoreset_mode=mode))
        return made[-1]

    yield make_sync
    for envs in made:
        envs.close()


def mask_of(*indices):
    mask = np.zeros(SIZE, np.bool_)
    mask[list(indices)] = True
    return mask


def run(envs, mode, steps=8, before=lambda step: None):
    """Two episodes and more, with the envs out of step with one another."""
    envs.action_space.seed(1)
    results = [envs.reset(seed=7)]
    for step in range(steps):
        before(step)
        result = envs.step(envs.action_space.sample())
        results.append(result)
        ended = result[2] | result[3]
        if mode is AutoresetMode.DISABLED and ended.any():
            results.append(envs.reset(options={"reset_mask": ended}))
        if step == 0:
            results.append(envs.reset(options={"reset_mask": mask_of(1)}))
    results.append(envs.reset())
    results.append(envs.reset(seed=[4, None, 9]))
    return results


def assert_same(a, b):
    assert len(a) == len(b)
    for index, (one, other) in enumerate(zip(a, b)):
        for part, (x, y) in enumerate(zip(one, other)):
            if isinstance(x, dict):
                assert sorted(x) == sorted(y)
            assert data_equivalence(plain(x), plain(y), exact=True), f"result {index}, part {part}: {x} is not {y}"


def plain(value):
    """Arrays of objects (`final_obs`, task names) as lists: data_equivalence compares no objects."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return tuple(plain(item) for item in value)
    return value


@pytest.mark.parametrize("mode", MODES)
def test_results_are_those_of_gymnasiums_vector_env(make, make_sync, mode):
    ours, theirs = make(mode), make_sync(mode)
    assert ours.metadata["autoreset_mode"] is mode
    assert ours.observation_space == theirs.observation_space and ours.action_space == theirs.action_space
    results = run(ours, mode)
    assert_same(results, run(theirs, mode))
    infos = [result[-1] for result in results]
    assert any("final_obs" in info for info in infos) is (mode is AutoresetMode.SAME_STEP)
    assert all(f"_{key}" in info for info in infos for key in info if not key.startswith("_"))


@pytest.mark.parametrize("mode", MODES)
def test_cuts_change_nothing(make, mode, proxy):
    expected = run(make(mode), mode)
    cut = make(mode, at=proxy.url, timeout=10)
    before_some = run(cut, mode, before=lambda step: proxy.cut() if step % 3 == 1 else None)
    assert_same(before_some, expected)
    reply = sum(np.prod(space.shape) for space in cut.single_observation_space.values())
    proxy.cut()
    proxy.plan = [int(5000 + reply * share) for share in (0.5, 1.5, 2.1, 3.4, 4.0)]
    assert_same(run(cut, mode), expected)
    assert proxy.plan == []


@pytest.mark.parametrize("missing", [10, 150, 250])  # a reply to `open` takes about 110 bytes
def test_sessions_are_opened_though_the_socket_is_cut_meanwhile(make, proxy, missing):
    make(at=proxy.url)
    proxy.plan = [proxy.received - missing]
    envs = make(at=proxy.url, timeout=10)
    assert proxy.connections == 3
    envs.reset(seed=0)
    envs.step(envs.action_space.sample())


def test_results_are_the_callers(make):
    ours = make()
    kept, _ = ours.reset(seed=1)
    copy = {key: value.copy() for key, value in kept.items()}
    ours.step(ours.action_space.sample())
    for key, value in kept.items():
        np.testing.assert_array_equal(value, copy[key])
        value[:] = 0


def test_a_bad_action_steps_no_env(make, make_sync):
    ours, theirs = make(), make_sync()
    for envs in (ours, theirs):
        envs.reset(seed=2)
        envs.action_space.seed(0)
    action = ours.action_space.sample()
    theirs.action_space.sample()
    bad = action.copy()
    bad[2, 0, 0] = np.nan
    for actions, code in ((bad, "action_not_finite"), (action[:2], "action_shape"), (action[:, 1:], "action_shape")):
        with pytest.raises(WorldstepError) as caught:
            ours.step(actions)
        assert caught.value.code == code
    assert_same([ours.step(action)], [theirs.step(action)])


def test_the_servers_errors_name_the_env(make):
    ours = make()
    with pytest.raises(WorldstepError) as caught:
        ours.reset(options={"task": "juggle"})
    assert caught.value.facts["failed"] == [0, 1, 2]


@pytest.mark.parametrize("mask", [np.zeros(SIZE, np.bool_), np.ones(2, np.bool_), np.ones(SIZE), [True] * SIZE])
def test_bad_masks_are_refused(make, mask):
    ours = make()
    ours.reset(seed=0)
    with pytest.raises(WorldstepError, match="option_mask"):
        ours.reset(options={"reset_mask": mask})


def test_disabled_leaves_resets_to_the_caller(make):
    ours = make(AutoresetMode.DISABLED, max_ticks=1)
    ours.reset(seed=0)
    ours.step(ours.action_space.sample())
    with pytest.raises(WorldstepError, match="reset_needed"):
        ours.step(ours.action_space.sample())


def test_make_vec_and_render(url, world):
    envs = gymnasium.make_vec("worldstep/World-v0", SIZE, url=url, world=world, render_mode="rgb_array")
    assert isinstance(envs, WorldstepVectorEnv)
    observations, _ = envs.reset(seed=0)
    frames = envs.render()
    assert len(frames) == SIZE
    np.testing.assert_array_equal(frames[0], observations["frames"][0, -1])
    envs.close()
    with pytest.raises(WorldstepError, match="env_closed"):
        envs.reset()


def test_too_many_sessions_are_refused_and_none_stays_open(url, world):
    connection = Connection(url)
    limit = connection.hello["limits"]["maxSessions"]
    connection.close()
    for _ in range(2):
        with pytest.raises(WorldstepError, match="capacity_sessions"):
            WorldstepVectorEnv(url, limit + 1, world=world)
    WorldstepVectorEnv(url, SIZE, world=world).close()
