"""What a step shows of what it could, and looking ahead without moving."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from worldstep import WorldstepEnv, WorldstepError, WorldstepVectorEnv


def test_an_env_shows_what_it_observes_and_is_the_same(url, world):
    whole, part = WorldstepEnv(url, world=world), WorldstepEnv(url, world=world, observe=["state"])
    assert set(part.observation_space.keys()) == set(whole.observation_space.keys()) - {"frames"}
    whole.reset(seed=3)
    shown, _ = part.reset(seed=3)
    assert set(shown) == set(part.observation_space.keys())
    for tick in range(3):
        action = np.full(whole.action_space.shape, 0.2 * tick, np.float32)
        (expected, *rest), (shown, *others) = whole.step(action), part.step(action)
        del expected["frames"]
        assert data_equivalence(expected, shown) and data_equivalence(rest, others)
    whole.close()
    check_env(part, skip_render_check=True)
    part.close()


def test_a_vector_shows_what_it_observes(url, world):
    envs = WorldstepVectorEnv(url, 2, world=world, observe=["state"], max_ticks=1, autoreset_mode="SameStep")
    envs.reset(seed=1)
    shown, _, _, truncated, infos = envs.step(np.zeros(envs.action_space.shape, np.float32))
    assert truncated.all() and "frames" not in shown and "frames" not in infos["final_obs"][0]
    assert shown["proprioception"] in envs.observation_space["proprioception"]
    envs.close()


@pytest.mark.parametrize("observe", ["frames", [], ["sound"]])
def test_what_it_cannot_show_is_refused(url, world, observe):
    with pytest.raises(WorldstepError, match="observe"):
        WorldstepEnv(url, world=world, observe=observe)


def test_an_env_looks_ahead_without_moving(url, dream):
    env, twin = WorldstepEnv(url, world=dream), WorldstepEnv(url, world=dream)
    for one in (env, twin):
        one.reset(seed=5, options={"task": env.world_info["tasks"][1]})
    actions = np.zeros((3, 2, *env.action_space.shape), np.float32)
    predicted = env.predict(actions)
    assert predicted["states"].shape == (3, 2, len(env.world_info["state"]))
    assert predicted["rewards"].shape == predicted["successes"].shape == (3, 2, len(env.world_info["tasks"]) - 1)
    plan, planned_return = env.plan(horizon=2, samples=8, iterations=2)
    assert plan.shape == (2, *env.action_space.shape) and plan[0] in env.action_space and np.isfinite(planned_return)
    again, same = env.plan(horizon=2, samples=8, iterations=2, seed=0)
    assert np.array_equal(plan, again) and same == planned_return
    _, better = env.plan(begin=plan, samples=8, iterations=1)
    assert better >= planned_return - 1e-4
    assert data_equivalence(env.step(plan[0]), twin.step(plan[0]))
    with pytest.raises(WorldstepError) as refused:
        env.plan(goal={"no such channel": 1.0})
    assert refused.value.code == "option_plan"
    with pytest.raises(WorldstepError) as refused:
        env.plan(session="another")
    assert refused.value.code == "option_unknown"
    assert env.plan(over="world", nfe=np.int64(2), horizon=2, samples=2, iterations=1)[0].shape[0] == 2
    assert env.plan(horizon=np.int64(2), samples=np.int32(8), iterations=1)[0].shape[0] == 2
    env.close()
    twin.close()


def test_a_plan_that_takes_too_long_is_stopped_on_the_server(url, dream):
    env = WorldstepEnv(url, world=dream, timeout=1.0)
    env.reset(seed=5, options={"task": env.world_info["tasks"][1]})
    with pytest.raises(WorldstepError) as late:
        env.plan(horizon=64, samples=512, iterations=16)
    assert late.value.code == "request_timeout"
    env.step(np.zeros(env.action_space.shape, np.float32))  # within the second
    env.close()


def test_a_simulator_predicts_nothing(url):
    env = WorldstepEnv(url)
    env.reset(seed=1)
    with pytest.raises(WorldstepError) as refused:
        env.plan()
    assert refused.value.code == "env_cannot_plan"
    env.close()
