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
def test_cuts_change_nothing(url, dream, mode, proxy):
    whole, cut = (WorldstepVectorEnv(at, SIZE, world=dream, autoreset_mode=mode, **OPTIONS) for at in (url, proxy.url))
    expected = run(whole, mode)
    before_some = run(cut, mode, before=lambda step: proxy.cut() if step % 3 == 1 else None)
    assert_same(before_some, expected)
    reply = sum(np.prod(space.shape) for space in cut.single_observation_space.values())
    proxy.cut()
    proxy.plan = [int(5000 + reply * share) for share in (0.5, 1.5, 2.1, 3.4, 4.0)]
    assert_same(run(cut, mode), expected)
    assert proxy.plan == []
    whole.close()
    cut.close()


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


@pytest.fixture
def pair(url, dream):
    """A vector env, and the single envs that it should be like."""
    made = []

    def pair(mode):
        options = {"world": dream, "task": "reach", "max_ticks": 3}
        envs = WorldstepVectorEnv(url, SIZE, autoreset_mode=mode, **options)
        alone = [WorldstepEnv(url, **options) for _ in range(SIZE)]
        made.extend([envs, *alone])
        return envs, alone

    yield pair
    for env in made:
        env.close()


@pytest.mark.parametrize("mode", MODES)
def test_a_chunk_of_each_env_is_that_of_single_envs(pair, mode):
    envs, alone = pair(mode)
    ticks = min(2, envs.world_info["chunk"])
    shape = envs.single_action_space.shape
    rng = np.random.default_rng(1)
    draw = lambda: rng.uniform(-1, 1, (SIZE, ticks, *shape)).astype(np.float32)  # noqa: E731
    observations, _ = envs.reset(seed=7, options={"max_ticks": [1, 2, 3]})
    firsts = [env.reset(seed=7 + i, options={"max_ticks": 1 + i}) for i, env in enumerate(alone)]
    ended = [False] * SIZE
    seen = set()
    for _ in range(4):
        actions = draw()
        if mode is AutoresetMode.DISABLED and any(ended):
            with pytest.raises(WorldstepError, match="reset_needed"):
                envs.step_chunk(actions)
            observations, _ = envs.reset(options={"reset_mask": np.array(ended)})
            for i, env in enumerate(alone):
                if ended[i]:
                    shown, _ = env.reset()
                    assert_same([({k: v[i] for k, v in observations.items()},)], [(shown,)])
            ended = [False] * SIZE
        observations, rewards, terminations, truncations, infos = envs.step_chunk(actions)
        assert observations["frames"].shape == (SIZE, ticks, *envs.single_observation_space["frames"].shape)
        assert rewards.shape == terminations.shape == truncations.shape == infos["valid"].shape == (SIZE, ticks)
        assert rewards.dtype == np.float64 and infos["valid"].dtype == np.bool_
        for i, env in enumerate(alone):
            shown = [{key: values[i, k] for key, values in observations.items()} for k in range(ticks)]
            if ended[i]:  # NEXT_STEP: the call only resets it
                expected, info = env.reset()
                assert_same([tuple(shown)], [(expected,) * ticks])
                assert not infos["valid"][i].any() and not rewards[i].any() and infos["ticks"][i] == []
                assert infos["tick"][i] == 0
                ended[i] = False
                continue
            made = env.step_chunk(actions[i])
            count = len(made)
            seen.add(count)
            assert infos["valid"][i].tolist() == [k < count for k in range(ticks)]
            assert infos["ticks"][i] == [info for *_, info in made]
            for k, (expected, reward, terminated, truncated, _) in enumerate(made):
                assert (rewards[i, k], terminations[i, k], truncations[i, k]) == (reward, terminated, truncated)
                if k < count - 1:
                    assert_same([(shown[k],)], [(expected,)])
            assert not rewards[i, count:].any() and not terminations[i, count:].any() and not truncations[i, count:].any()
            last, _, terminated, truncated, info = made[-1]
            ended[i] = terminated or truncated
            if ended[i] and mode is AutoresetMode.SAME_STEP:
                assert_same([(infos["final_obs"][i],)], [(last,)])
                assert infos["final_info"]["tick"][i] == info["tick"]
                last, info = env.reset()
                ended[i] = False
            assert infos["tick"][i] == info["tick"]
            assert_same([tuple(shown[count - 1 :])], [(last,) * (ticks - count + 1)])
    assert ticks == 1 or seen == {1, 2}
    assert len(firsts) == SIZE


@pytest.mark.parametrize("mode", MODES)
def test_a_chunk_of_one_tick_is_a_step(pair, mode):
    envs, _ = pair(mode)
    envs.action_space.seed(1)
    action = envs.action_space.sample()
    envs.reset(seed=3, options={"max_ticks": [1, 2, 3]})
    shown, *step = envs.step(action)
    envs.reset(seed=3, options={"max_ticks": [1, 2, 3]})
    shown_chunk, *chunk = envs.step_chunk(action[:, None])
    assert_same([(shown, *step[:3])], [({k: v[:, 0] for k, v in shown_chunk.items()}, *(part[:, 0] for part in chunk[:3]))])
    rest = {key: value for key, value in chunk[3].items() if key.lstrip("_") not in ("valid", "ticks")}
    assert_same([(step[3],)], [(rest,)])


def test_bad_chunks_step_no_env(pair):
    envs, _ = pair(AutoresetMode.NEXT_STEP)
    envs.reset(seed=1)
    shape = (SIZE, 1, *envs.single_action_space.shape)
    zeros = np.zeros(shape, np.float32)
    expected = envs.step_chunk(zeros)
    envs.reset(seed=1)
    most = envs.world_info["chunk"]
    for wrong, code in (
        (zeros[:2], "action_shape"),
        (zeros[:, 0], "action_"),  # shape or chunk: by how many rows a block has
        (zeros[:, :0], "action_chunk"),
        (np.repeat(zeros, most + 1, 1), "action_chunk"),
        (zeros + 9, "action_out_of_range"),
        ([zeros[0], zeros[0], np.repeat(zeros[0], 2, 0)], "action_shape"),
        (None, "action_shape"),
    ):
        with pytest.raises(WorldstepError, match=code):
            envs.step_chunk(wrong)
    assert_same([envs.step_chunk(zeros)], [expected])


def test_no_more_bytes_wait_at_once_than_the_server_takes(pair):
    envs, _ = pair(AutoresetMode.NEXT_STEP)
    expected = run(envs, AutoresetMode.NEXT_STEP, steps=2)
    limits = envs._connection.hello["limits"]
    for most in (1, 1000, 3000):  # less than one request, than two
        limits["maxQueuedBytes"] = most
        assert_same(run(envs, AutoresetMode.NEXT_STEP, steps=2), expected)
