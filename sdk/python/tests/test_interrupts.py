"""A call that is interrupted, at whatever point, is finished by the same call again or before the next: no tick is lost or
made twice, and all bits are those of a run that nobody interrupted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from interrupts import Stop, interrupted, interrupted_after
from test_env import actions, same
from test_vector_env import assert_same

from worldstep import WorldstepEnv, WorldstepError, WorldstepVectorEnv

# Python itself throws away what is raised in a weakref's callback or a destructor, and pytest would tell.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def env(url, dream):
    env = WorldstepEnv(url, world=dream, task="reach", timeout=20)
    yield env
    env.close()


def in_the_middle(call, points):
    """The result of `call`, which is interrupted at each of `points` where it gets so far."""
    for at in points:
        results = []
        if not interrupted(lambda: results.append(call()), at):
            return results[0]
    return call()


def episodes(env, call):
    """Resets with and without a seed, steps and chunks, each of them by `call`."""
    blocks = actions(env, 8)
    most = env.world_info.get("chunk", 1)
    results = []
    for seed in (5, None):
        results.append(call(lambda: env.reset(seed=seed)))
        for block in blocks[:3]:
            results.append(call(lambda: env.step(block)))
        results.append(call(lambda: env.step_chunk(blocks[:most])))
    results.append(call(env.reset))
    return results


def test_an_interrupted_call_is_finished_by_the_same_again(env):
    expected = episodes(env, lambda call: call())
    starts = itertools.cycle(range(1, 40, 3))

    def twice(call):
        # Once on the first half of the way, and once more, on a socket that is to be made anew.
        at = next(starts)
        return in_the_middle(call, (at, 7 * at))

    assert same(episodes(env, twice), expected)


def test_alarms_change_nothing(env):
    expected = episodes(env, lambda call: call())
    for error in (Stop, SystemExit, TimeoutError, RuntimeError):
        waits = itertools.cycle((0.0005, 0.001, 0.002, 0.004))

        def alarmed(call):
            results = []
            interrupted_after(next(waits), lambda: results.append(call()), error)
            return results[0] if results else call()

        assert same(episodes(env, alarmed), expected), error


def test_another_call_finishes_what_was_interrupted_first(env):
    def steps(blocks):
        env.reset(seed=5)
        results = []
        for block in blocks:
            results.append(env.step(block))
            if results[-1][2]:
                return None  # the episode is too short
        return results

    for draw in range(50):
        first, other, third = actions(env, 3, draw)
        expected, skipped = steps((first, other, third)), steps((other, third))
        if expected and skipped:
            break
    began = set()
    for at in range(1, 200, 9):
        env.reset(seed=5)
        if not interrupted(lambda: env.step(first), at):
            break
        result = env.step(other)
        began.add(result[4]["tick"] == 2)
        # Interrupted before anything began, or within: then it counts, and the env is where it led to.
        assert same([result, env.step(third)], expected[1:] if result[4]["tick"] == 2 else skipped)
    assert True in began
    # A reset counts in the same way: the step is the new episode's.
    env.reset(seed=1)
    assert interrupted_after(0.002, lambda: [env.reset(seed=5) for _ in range(100)])
    assert same(env.step(first), expected[0])


def test_what_an_interrupted_step_ended_has_ended(url, dream):
    env = WorldstepEnv(url, world=dream, max_ticks=1)
    first, other = actions(env, 2)
    env.reset(seed=5)
    expected = env.step(first)
    env.reset(seed=5)
    assert interrupted(lambda: env.step(first), "deliver")
    with pytest.raises(WorldstepError, match="reset_needed"):
        env.step(other)
    env.reset(seed=5)
    assert same(env.step(first), expected)
    env.close()


def test_an_interrupted_draw_draws_nothing(env):
    env.reset(seed=3)
    expected = env.reset()
    env.reset(seed=3)
    rng = env.np_random

    class Interrupted:
        """Draws, and then is interrupted before anybody has what was drawn."""

        bit_generator = rng.bit_generator

        def integers(self, most):
            rng.integers(most)
            env.np_random = rng
            raise Stop

    env.np_random = Interrupted()
    with pytest.raises(Stop):
        env.reset()
    assert same(env.reset(), expected)


def test_close_may_be_interrupted(url, dream):
    for at in range(1, 300, 23):
        env = WorldstepEnv(url, world=dream)
        env.reset(seed=1)
        stopped = interrupted(env.close, at)
        env.close()
        with pytest.raises(WorldstepError, match="env_closed"):
            env.step(env.action_space.sample())
        if not stopped:
            break


def test_an_env_whose_making_was_interrupted_leaves_nothing(url, dream):
    made = []
    for at in (20, 60, 100, 150, 200, 300):
        interrupted(lambda: made.append(WorldstepEnv(url, world=dream)), at)
    for env in made:
        env.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_an_interrupted_vector_step_is_finished(url, dream, mode):
    envs = WorldstepVectorEnv(url, 3, world=dream, task="reach", max_ticks=3, autoreset_mode=mode, timeout=20)
    most = min(2, envs.world_info.get("chunk", 1))

    def run(call):
        envs.action_space.seed(1)
        results = [call(lambda: envs.reset(seed=7))]
        for step in range(5):
            action = envs.action_space.sample()
            results.append(call(lambda: envs.step(action)))
            if mode is AutoresetMode.DISABLED and (ended := results[-1][2] | results[-1][3]).any():
                results.append(call(lambda: envs.reset(options={"reset_mask": ended})))
            if step == 0:  # out of step with one another
                results.append(call(lambda: envs.reset(options={"reset_mask": np.array([False, True, False])})))
        if mode is not AutoresetMode.DISABLED:
            chunk = np.stack([action] * most, axis=1)
            results += [call(lambda: envs.step_chunk(chunk)) for _ in range(2)]
        return [*results, call(envs.reset)]

    expected = run(lambda call: call())
    starts = itertools.cycle(range(3, 50, 4))
    results = run(lambda call: in_the_middle(call, ((at := next(starts)), 11 * at)))
    assert_same(results, expected)
    envs.close()
