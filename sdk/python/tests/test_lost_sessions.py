"""A session that is gone (a restarted server, a laptop that slept, a forked process) costs its episode, not the env."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
import time

import gymnasium
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import RecordEpisodeStatistics
from test_env import actions, rollout, same
from test_vector_env import assert_same, run

from worldstep import Connection, WorldstepEnv, WorldstepError, WorldstepVectorEnv
from worldstep.connection import Request


@pytest.fixture
def env(proxy, dream):
    env = WorldstepEnv(proxy.url, world=dream, task="reach", timeout=10)
    yield env
    env.close()


def end_sessions(env, url):
    """Ends the env's sessions on the server, as one that is restarted does."""
    thief = Connection(url)
    tokens = env.unwrapped._connection._tokens.items()
    with thief.one_call():
        assert thief.call_all([Request("resume", {"session": session, "token": token}) for session, token in tokens])
        thief.call_all([Request("close", {"session": session}) for session, _ in tokens])
    thief.close()


def test_a_step_is_an_error_and_a_reset_opens_a_new_session(env, url, proxy):
    expected = rollout(env)
    for before in (proxy.cut, lambda: None):  # the socket is lost too; or only the session
        env.reset(seed=1)
        before()
        end_sessions(env, url)
        for _ in range(2):
            with pytest.raises(WorldstepError, match="reset()") as caught:
                env.step(env.action_space.sample())
            assert caught.value.code in ("session_unknown", "session_taken_over")
        assert same(rollout(env), expected)


def test_wrappers_go_on(url, proxy, dream):
    made = gymnasium.make("worldstep/World-v0", url=proxy.url, world=dream, task="reach", max_episode_steps=3)
    env = RecordEpisodeStatistics(made)
    env.reset(seed=1)
    end_sessions(env, url)
    with pytest.raises(WorldstepError, match="session_"):
        env.step(env.action_space.sample())
    env.reset(seed=2)
    env.step(env.action_space.sample())
    env.close()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_vector_goes_on_after_a_reset(url, proxy, dream, mode):
    envs = WorldstepVectorEnv(proxy.url, 3, world=dream, task="reach", max_ticks=3, autoreset_mode=mode, timeout=10)
    expected = run(envs, mode, steps=2)
    proxy.cut()
    end_sessions(envs, url)
    with pytest.raises(WorldstepError, match="session_unknown") as caught:
        envs.step(envs.action_space.sample())
    assert caught.value.facts["failed"] == [0, 1, 2]
    assert_same(run(envs, mode, steps=2), expected)
    envs.close()


def test_a_world_that_changed_meanwhile_is_told(world, proxy, restarted_url, caplog):
    env = WorldstepEnv(proxy.url, world=world, timeout=10)
    env.reset(seed=1)
    proxy.lead_to(restarted_url)
    proxy.cut()
    with pytest.raises(WorldstepError, match="session_unknown"):
        env.step(env.action_space.sample())
    if world == "tabletop":  # its pictures are larger there
        with pytest.raises(WorldstepError, match="spaces or channels differ") as caught:
            env.reset(seed=1)
        assert caught.value.code == "request_unknown_world"
    else:
        env.reset(seed=1)
        assert env.world_info["hash"] == "trained on" and "has changed" in caplog.text
    env.close()


def in_a_child(call):
    """What `call` says in a forked process: the text that it returns."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, call().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_sessions_of_its_own(env):
    expected = rollout(env)
    env.reset(seed=1)
    [first, second] = actions(env, 2)

    def in_child():
        try:
            env.step(first)
        except WorldstepError as error:
            episode = rollout(env)
            env.close()
            return f"{error.code} {same(episode, expected)}"
        return "stepped"

    assert in_a_child(in_child) == "session_not_owned True"
    results = [env.step(first), env.step(second)]
    env.reset(seed=1)
    assert same(results, [env.step(first), env.step(second)])


def test_no_copies(env):
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="make the env where it is used"):
            copied(env)


def test_another_thread_is_refused_and_may_close(env, proxy):
    env.reset(seed=1)
    proxy.flows.clear()
    told = []

    def wait():
        try:
            env.step(actions(env, 1)[0])
        except WorldstepError as error:
            told.append(error.code)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    with pytest.raises(WorldstepError, match="another thread") as caught:
        env.step(actions(env, 1)[0])
    assert caught.value.code == "request_over_limit"
    env.close()
    thread.join(5)
    assert told == ["env_closed"]


def test_silence_is_told_within_seconds(env, proxy, caplog):
    env.reset(seed=1)
    proxy.flows.clear()
    env.unwrapped._connection.timeout = 3.5
    with pytest.raises(WorldstepError, match="request_timeout"):
        env.step(actions(env, 1)[0])
    assert "no reply" in caplog.text and "(timeout=3.5)" in caplog.text
    proxy.cut()
    assert env.step(actions(env, 1)[0])[4]["tick"] == 1


def test_a_forgotten_env_leaves_no_session(restarted_url, dream):
    connection = Connection(restarted_url)
    most = connection.hello["limits"]["maxSessions"]
    connection.close()
    for kind in (WorldstepEnv, WorldstepVectorEnv):
        one = kind(restarted_url, world=dream)
        one.reset(seed=0)
        del one
        gc.collect()
        ends = time.monotonic() + 10  # the server itself ends them after a minute
        while True:
            try:
                WorldstepVectorEnv(restarted_url, most, world=dream).close()
                break
            except WorldstepError:
                assert time.monotonic() < ends
                time.sleep(0.1)


def test_a_server_that_died_is_told_within_seconds(env, proxy, caplog):
    env.reset(seed=1)
    proxy.__exit__()
    env.unwrapped._connection.timeout = 4.5
    with pytest.raises(WorldstepError, match="connection_lost"):
        env.step(env.action_space.sample())
    assert "Connection refused" in caplog.text and "trying again" in caplog.text and "(timeout=4.5)" in caplog.text
