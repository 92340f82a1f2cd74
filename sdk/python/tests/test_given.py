"""What users give: dtypes, shapes, options for each env, robot units."""

from __future__ import annotations

import time

import numpy as np
import pytest
from test_env import actions, same
from test_vector_env import assert_same

from worldstep import WorldstepEnv, WorldstepError, WorldstepVectorEnv, scale, unscale

SIZE = 3


@pytest.fixture
def env(url, dream):
    env = WorldstepEnv(url, world=dream, task="reach")
    yield env
    env.close()


@pytest.fixture
def envs(url, dream):
    envs = WorldstepVectorEnv(url, SIZE, world=dream, task="reach")
    yield envs
    envs.close()


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int8", "uint8", "bool", "object"])
def test_an_action_of_another_dtype_is_refused(env, envs, dtype):
    env.reset(seed=1), envs.reset(seed=1)
    zeros = np.zeros(env.action_space.shape, dtype)
    for call in (
        lambda: env.step(zeros),
        lambda: env.step(list(zeros)),
        lambda: env.step_chunk([zeros]),
        lambda: envs.step(np.stack([zeros] * SIZE)),
        lambda: envs.step([zeros.astype("f4"), zeros.astype("f4"), zeros]),
        lambda: envs.step_chunk(np.stack([[zeros]] * SIZE)),
    ):
        with pytest.raises(WorldstepError, match="float32") as caught:
            call()
        assert caught.value.code == "tensor_dtype" and caught.value.facts["expected"] == "float32"
    assert env.step(np.zeros(env.action_space.shape, np.float32))[4]["tick"] == 1


def test_plain_numbers_have_no_dtype(env):
    action = np.zeros(env.action_space.shape, np.float32)
    action[0, 0] = 0.5
    env.reset(seed=1)
    expected = env.step(action)
    for plain in (action.tolist(), tuple(map(tuple, action.tolist())), [[np.float64(x) for x in row] for row in action]):
        env.reset(seed=1)
        assert same(env.step(plain), expected)
    env.reset(seed=1)
    env.step([[0] * action.shape[1]] * action.shape[0])
    for wrong in (True, None, "left", [[0.0, "x"]], [[0.0], [0.0, 1.0]], {}, 1.0, [[True] * action.shape[1]] * action.shape[0]):
        with pytest.raises(WorldstepError, match="action_shape"):
            env.step(wrong)


def test_the_callers_array_is_its_own(env):
    action, copy = actions(env, 1)[0], actions(env, 1)[0]
    env.reset(seed=1)
    env.step(action)
    np.testing.assert_array_equal(action, copy)


def test_frames_of_another_dtype_are_refused(env, envs):
    frames = env.reset(seed=1)[0]["frames"][-1:]
    expected = env.reset(seed=2, options={"frames": frames})
    assert same(env.reset(seed=2, options={"frames": frames.tolist()}), expected)
    wrong = [frames.astype(dtype) for dtype in ("int64", "int8", "float32", "float64", "bool")]
    for given in (*wrong, frames / np.float32(255), [frames[0].astype("int64")]):
        for call in (
            lambda: env.reset(seed=2, options={"frames": given}),
            lambda: envs.reset(seed=2, options={"frames": given}),
            lambda: envs.reset(seed=2, options={"frames": [given] * SIZE}),
        ):
            with pytest.raises(WorldstepError, match="uint8 of 0 to 255") as caught:
                call()
            assert caught.value.code == "tensor_dtype"
    for given in ((frames / 255.0).tolist(), [[[[256, 0, 0]]]], [[[[-1, 0, 0]]]], "frames.png", [[[[0, 0, 0]], [[0]]]]):
        with pytest.raises(WorldstepError, match="option_frames"):
            env.reset(options={"frames": given})
    for name in ("actions", "proprioception"):
        with pytest.raises(WorldstepError, match="tensor_dtype"):
            env.reset(options={"frames": frames, name: np.zeros(5)})


def test_numbers_of_numpy_are_numbers(env):
    assert same(env.reset(seed=3, options={"max_ticks": np.int64(2)}), env.reset(seed=3, options={"max_ticks": 2}))
    with pytest.raises(WorldstepError, match="message_field_invalid"):
        env.reset(options={"max_ticks": 2.5})
    with pytest.raises(WorldstepError, match="as the argument seed"):
        env.reset(options={"seed": 3})


def test_each_env_has_its_own_options(env, envs):
    tasks = [None, *env.world_info["tasks"][-2:]]
    frames = [env.reset(seed=seed)[0]["frames"][-1:] for seed in range(SIZE)]
    most = [1, 2, 3]
    seeds = [4, 7, 9]
    each = [{"task": task, "frames": shown, "max_ticks": ticks} for task, shown, ticks in zip(tasks, frames, most)]
    alone = [env.reset(seed=seed, options=own) for seed, own in zip(seeds, each)]
    results = [
        envs.reset(seed=seeds, options=each),
        envs.reset(seed=np.array(seeds), options=tuple(each)),
        envs.reset(seed=seeds, options={"task": tasks, "frames": np.stack(frames), "max_ticks": np.array(most)}),
        envs.reset(seed=seeds, options={"task": tasks, "frames": frames, "max_ticks": most}),
    ]
    for observations, infos in results:
        assert_same([(observations, infos)], results[:1])
        for i, (shown, info) in enumerate(alone):
            assert same({key: values[i] for key, values in observations.items()}, shown)
            assert infos["task"][i] == info["task"]
    # For all, and with a mask: each its own still.
    shared = envs.reset(seed=seeds, options={"frames": frames[1], "task": tasks[1]})
    assert same(shared[0]["frames"][1], env.reset(seed=7, options={"frames": frames[1], "task": tasks[1]})[0]["frames"])
    masked = {"reset_mask": np.array([False, True, True]), "frames": np.stack(frames), "task": tasks, "max_ticks": most}
    observations, _ = envs.reset(seed=seeds, options=masked)
    assert_same([(observations["frames"][1:],)], [(results[0][0]["frames"][1:],)])
    np.testing.assert_array_equal(observations["frames"][0], shared[0]["frames"][0])


def test_options_for_another_number_of_envs_are_refused(envs):
    frames = envs.reset(seed=1)[0]["frames"][:, -1:]
    for options in (
        [{}, {}],
        {"frames": frames[:2]},
        {"task": ["reach"]},
        {"max_ticks": [1] * 4},
        {"frames": list(frames[:2])},
    ):
        with pytest.raises(WorldstepError, match="for 3 envs") as caught:
            envs.reset(options=options)
        assert caught.value.code == "option_vector" and caught.value.facts["expected"] == SIZE
    with pytest.raises(WorldstepError, match="option_unknown"):
        envs.reset(options=[{"reset_mask": None}, None, {"tasks": 1}])


def test_resets_of_all_envs_take_one_round_trip(url, dream, proxy):
    envs = WorldstepVectorEnv(proxy.url, SIZE, world=dream)
    answers = proxy.received
    proxy.delay = 0.15
    began = time.monotonic()
    envs.reset(seed=1, options={"task": envs.world_info["tasks"][:1] * SIZE})
    assert 0.15 <= time.monotonic() - began < 0.15 * 2 * 2 and proxy.received > answers
    envs.close()


def test_robot_units(env):
    world = env.world_info
    low, high = (np.array([channel[end] for channel in world["action"]]) for end in ("low", "high"))
    rows = np.stack([low, high, (low + high) / 2])
    scaled = scale(world, rows)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled[:2], [[-1] * len(low), [1] * len(low)])
    np.testing.assert_allclose(scaled[2], 0, atol=1e-6)
    np.testing.assert_allclose(unscale(world, scaled), rows, atol=1e-6)
    np.testing.assert_allclose(scale(world, low.tolist()), -1)
    assert scale(world, rows[None]).shape == (1, 3, len(low))
    px = {"actionSpace": {"low": -1, "high": 1}, "action": [{"low": 0, "high": 511}, {"low": 3, "high": 3}]}
    np.testing.assert_allclose(scale(px, [[120, 3], [700, 9]]), [[2 * 120 / 511 - 1, 0], [2 * 700 / 511 - 1, 0]], rtol=1e-6)
    np.testing.assert_allclose(unscale(px, [-1, 0.5]), [0, 3])
    for wrong, code in (
        (0.5, "action_shape"),
        (rows[:, 1:], "action_shape"),
        (rows * np.nan, "action_not_finite"),
        ("x", "action_shape"),
    ):
        for convert in (scale, unscale):
            with pytest.raises(WorldstepError, match=code):
                convert(world, wrong)
