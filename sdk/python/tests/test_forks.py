"""Forks and snapshots: they go on as the env that they were taken of, here and in another process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence

import worldstep
from worldstep import Snapshot, SnapshotError, WorldstepEnv, WorldstepError, WorldstepVectorEnv

HERE = Path(__file__).parents[1]

# What another process says comes of a snapshot: the digests of the next ticks, and of the episode after.
PROGRAM = """
import pickle, sys
sys.path.insert(0, "tests")
from test_forks import digest, go_on
from worldstep import WorldstepEnv
with open(sys.argv[1], "rb") as file:
    url, world, snapshot = pickle.load(file)
env = WorldstepEnv(url, world=world)
env.restore(snapshot)
print(digest(go_on(env)))
env.close()
"""


def go_on(env, ticks=3):
    """The next ticks, and two episodes' beginnings without a seed."""
    results = []
    for tick in range(ticks):
        results.append(env.step(np.full(env.action_space.shape, 0.1 * tick, np.float32)))
        if results[-1][2] or results[-1][3]:
            break
    return [*results, env.reset(), env.reset()]


def digest(results) -> str:
    import hashlib

    total = hashlib.sha256()
    for shown, *rest in results:
        for key in sorted(shown):
            total.update(shown[key].tobytes())
        total.update(repr(rest).encode())
    return total.hexdigest()


@pytest.fixture
def env(url, world):
    env = WorldstepEnv(url, world=world, render_mode="rgb_array")
    yield env
    env.close()


def begin(env):
    env.reset(seed=4)
    env.reset()
    env.step(np.full(env.action_space.shape, 0.2, np.float32))


def test_a_fork_goes_on_as_the_env_does(env):
    begin(env)
    forks = [env.fork(), env.fork(seed=7), env.fork(seed=7)]
    forks[1].action_space.seed(1)  # the others' are their own
    expected = go_on(env)
    assert data_equivalence(go_on(forks[0]), expected, exact=True)
    assert data_equivalence(go_on(forks[1])[:-2], go_on(forks[2])[:-2], exact=True)
    assert data_equivalence(forks[1].reset(), forks[2].reset(), exact=True)
    env.close()  # which closes no fork
    forks[0].reset(seed=1)
    for fork in forks:
        fork.close()


def test_a_snapshot_goes_on_in_another_env_and_process(env, url, world, tmp_path):
    begin(env)
    snapshot = env.snapshot()
    expected = go_on(env)
    env.restore(snapshot)
    assert data_equivalence(go_on(env), expected, exact=True)
    other = WorldstepEnv(url, world=world)
    other.restore(pickle.loads(pickle.dumps(snapshot)))
    assert data_equivalence(go_on(other), expected, exact=True)
    other.close()
    file = tmp_path / "snapshot"
    file.write_bytes(pickle.dumps((url, world, snapshot)))
    told = subprocess.run([sys.executable, "-c", PROGRAM, file], cwd=HERE, check=True, capture_output=True, text=True).stdout
    assert told.strip() == digest(expected)


def test_an_episode_that_is_over_is_over_in_forks_and_snapshots(env):
    env.reset(seed=1, options={"max_ticks": 1})
    env.step(np.zeros(env.action_space.shape, np.float32))
    fork, snapshot = env.fork(), env.snapshot()
    env.reset(seed=2)
    env.restore(snapshot)
    for one in (env, fork):
        with pytest.raises(WorldstepError, match="reset_needed"):
            one.step(np.zeros(env.action_space.shape, np.float32))
    fork.close()


def test_what_is_no_snapshot_changes_nothing(env):
    with pytest.raises(worldstep.ResetNeededError, match="snapshot"):
        env.snapshot()
    with pytest.raises(worldstep.ResetNeededError, match="fork"):
        env.fork()
    begin(env)
    snapshot = env.snapshot()
    flipped = bytearray(snapshot.data)
    flipped[len(flipped) // 2] ^= 1
    for wrong in (snapshot.data[:-8], bytes(flipped), b"", Snapshot(b"x" * 64, snapshot.rng)):
        with pytest.raises(SnapshotError, match="snapshot_damaged"):
            env.restore(wrong)
    expected = go_on(env)
    env.restore(snapshot)
    assert data_equivalence(go_on(env), expected, exact=True)


def test_a_snapshot_survives_a_lost_connection_and_a_lost_session(proxy, url, world):
    env = WorldstepEnv(proxy.url, world=world)
    begin(env)
    snapshot = env.snapshot()
    proxy.cut()
    fork = env.fork()
    expected = go_on(env)
    assert data_equivalence(go_on(fork), expected, exact=True)
    fork.close()
    taker = worldstep.Connection(url)  # as a server that was restarted would
    [(session, token)] = env._connection._tokens.items()
    taker.take(session, token)
    env.restore(snapshot)
    assert data_equivalence(go_on(env), expected, exact=True)
    taker.close()
    env.close()


def test_wrapped_envs_have_them_within(url, dream):
    made = gymnasium.make("worldstep/World-v0", url=url, world=dream)
    made.reset(seed=1)
    fork = made.unwrapped.fork()
    made.unwrapped.restore(made.unwrapped.snapshot())
    assert data_equivalence(go_on(fork), go_on(made.unwrapped), exact=True)
    fork.close()
    made.close()


def go_on_together(envs, ticks=4):
    results = []
    for tick in range(ticks):
        actions = np.full(envs.action_space.shape, 0.1 * tick, np.float32)
        actions[1:] *= -1  # they differ
        results.append(envs.step(actions))
    return results


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_fork_of_a_vector_goes_on_as_that_does(url, world, mode):
    envs = WorldstepVectorEnv(url, 2, world=world, max_ticks=2, autoreset_mode=mode)
    with pytest.raises(worldstep.ResetNeededError, match="fork"):
        envs.fork()
    envs.reset(seed=[3, 8])
    envs.step(np.full(envs.action_space.shape, 0.2, np.float32))
    fork, seeded, again = envs.fork(), envs.fork(seed=7), envs.fork(seed=[7, 8])
    fork.action_space.seed(1)  # the others' are their own
    expected = go_on_together(envs)  # through autoresets, whose seeds are drawn
    assert data_equivalence(go_on_together(fork), expected, exact=True)
    assert data_equivalence(go_on_together(seeded), go_on_together(again), exact=True)
    mask = {"reset_mask": np.array([True, False])}
    assert data_equivalence(fork.reset(seed=1, options=mask), envs.reset(seed=1, options=mask), exact=True)
    envs.close()  # which closes no fork
    fork.reset(seed=1)
    for one in (fork, seeded, again):
        one.close()


def test_many_forks_of_one_env_step_together(url, world):
    env = gymnasium.make("worldstep/World-v0", url=url, world=world)
    env.reset(seed=4)
    forks = WorldstepVectorEnv.of_forks(env, 3)
    seeded = WorldstepVectorEnv.of_forks(env, 3, seed=[7, None, 7], autoreset_mode="Disabled")
    actions = np.full(forks.action_space.shape, 0.2, np.float32)
    shown, rewards, *_ = forks.step(actions)
    others, *_ = seeded.step(actions)
    expected, reward, *_ = env.step(actions[0])
    for i in range(3):
        assert data_equivalence({key: value[i] for key, value in shown.items()}, expected, exact=True) and rewards[i] == reward
    for key, value in others.items():
        assert np.array_equal(value[0], value[2]) and np.array_equal(value[1], expected[key])
    assert seeded.metadata["autoreset_mode"] is gymnasium.vector.AutoresetMode.DISABLED
    for one in (forks, seeded, env):
        one.close()


def test_forks_that_can_not_be_made_leave_none_open(url, world):
    env = WorldstepEnv(url, world=world)
    with pytest.raises(worldstep.ResetNeededError, match="fork"):
        WorldstepVectorEnv.of_forks(env, 2)
    env.reset(seed=1)
    with pytest.raises(WorldstepError, match="option_vector"):
        WorldstepVectorEnv.of_forks(env, 2, seed=[1])
    for count in (0, -1, 2.5, True, None):
        for make in (lambda: WorldstepVectorEnv.of_forks(env, count), lambda: WorldstepVectorEnv(url, num_envs=count, world=world)):
            with pytest.raises(WorldstepError, match="option_vector"):
                make()
    with pytest.raises(WorldstepError, match="env_cannot_fork"):
        WorldstepVectorEnv.of_forks(gymnasium.make("CartPole-v1"), 2)
    for _ in range(3):  # more than the server has room for, all together
        with pytest.raises(WorldstepError, match="session_over_limit|capacity_sessions"):
            WorldstepVectorEnv.of_forks(env, 200)
    WorldstepVectorEnv.of_forks(env, 8).close()
    env.step(np.zeros(env.action_space.shape, np.float32))
    env.close()
