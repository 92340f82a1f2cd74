"""One env: Gymnasium's own checks, seeds, errors, and lost connections."""

from __future__ import annotations

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence

from worldstep import WorldstepEnv, WorldstepError


@pytest.fixture
def env(url, world):
    env = WorldstepEnv(url, world=world, task="reach", render_mode="rgb_array")
    yield env
    env.close()


def actions(env, ticks, seed=0):
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(ticks)]


def rollout(env, ticks=6, seed=5, cut=lambda tick: None):
    """All that comes of `ticks` ticks after a reset with a seed, and as many after one without."""
    results = []
    for episode_seed in (seed, None):
        results.append(env.reset(seed=episode_seed))
        for tick, action in enumerate(actions(env, ticks)):
            cut(tick)
            results.append(env.step(action))
            if results[-1][2] or results[-1][3]:
                results.append(env.reset())
    return results


def same(a, b):
    return data_equivalence(a, b, exact=True)


# A warning is an error in these tests. This one is only advice: what a model dreams of has no bounds.
@pytest.mark.filterwarnings("ignore:.*A Box observation space .*infinity")
def test_passes_gymnasiums_check(url, world):
    made = gymnasium.make("worldstep/World-v0", url=url, world=world, task="reach", render_mode="rgb_array")
    check_env(made.unwrapped)
    made.close()


def test_an_episode_can_be_had_again_by_the_seed_that_its_info_tells(env):
    shown, info = env.reset()
    again, _ = env.reset(seed=info["seed"])  # Gymnasium takes whole numbers alone
    assert same(again, shown)


def test_a_chunk_is_several_steps(env):
    most = env.world_info.get("chunk", 1)
    blocks = actions(env, most + 1)
    env.reset(seed=5)
    chunk = env.step_chunk(blocks[:most])
    assert [tick[4]["tick"] for tick in chunk] == list(range(1, len(chunk) + 1))
    assert all(env.observation_space.contains(tick[0]) for tick in chunk)
    env.reset(seed=5)
    assert same(env.step_chunk(blocks[:most]), chunk)
    env.reset(seed=5)
    [alone] = env.step_chunk(blocks[:1])
    env.reset(seed=5)
    assert same(alone, env.step(blocks[0]))
    for wrong in (blocks, []):
        with pytest.raises(WorldstepError, match="action_chunk"):
            env.step_chunk(wrong)
    env.reset(seed=5, options={"max_ticks": 1})
    assert len(env.step_chunk(blocks[:most])) == 1
    with pytest.raises(WorldstepError, match="reset_needed"):
        env.step(blocks[0])


def test_spaces_are_the_worlds(env):
    stride, size, _, _ = env.observation_space["frames"].shape[:4]
    assert env.action_space.shape == (stride, 5) and env.action_space.dtype == np.float32
    assert env.observation_space["proprioception"].shape == (len(env.world_info["proprioception"]),)
    assert env.metadata["render_fps"] == 5
    observation, _ = env.reset(seed=1)
    assert env.render().shape == (size, size, 3)
    np.testing.assert_array_equal(env.render(), observation["frames"][-1])


def test_same_seed_same_results(env, url, world):
    first = rollout(env)
    assert same(first, rollout(env))
    with_other_seed = rollout(env, seed=6)
    assert not same(first, with_other_seed)
    other = WorldstepEnv(url, world=world, task="reach")
    assert same(first, rollout(other))
    other.close()


def test_no_seed_does_not_reseed(env):
    env.reset(seed=3)
    rng = env.np_random
    one, _ = env.reset()
    two, _ = env.reset()
    assert env.np_random is rng
    assert not same(one, two)


def test_episodes_are_truncated(url, world):
    env = WorldstepEnv(url, world=world, task="play", max_ticks=2)
    env.reset(seed=1)
    assert [env.step(action)[3] for action in actions(env, 2)] == [False, True]
    with pytest.raises(WorldstepError) as caught:
        env.step(env.action_space.sample())
    assert (caught.value.code, caught.value.facts) == ("reset_needed", {"why": "episode_ended"})
    env.reset(options={"max_ticks": 1})
    assert env.step(env.action_space.sample())[3] is True
    env.close()


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("action_not_finite", lambda action: action * np.nan),
        ("action_out_of_range", lambda action: action + 3),
        ("action_shape", lambda action: action[1:]),
        ("action_shape", lambda action: "left"),
    ],
)
def test_a_bad_action_changes_nothing(url, dream, code, spoil):
    env = WorldstepEnv(url, world=dream)
    expected = rollout(env)

    def bad_step(tick):
        with pytest.raises(WorldstepError) as caught:
            env.step(spoil(env.action_space.sample()))
        assert caught.value.code == code and caught.value.remedy

    env.reset(seed=0)
    assert same(expected, rollout(env, cut=bad_step))
    env.close()


def test_the_servers_errors_are_told(env):
    first, _ = env.reset(seed=4)
    for options, code in (({"task": "juggle"}, "option"), ({"max_ticks": -1}, ""), ({"tasks": "reach"}, "option_unknown")):
        with pytest.raises(WorldstepError) as caught:
            env.reset(options=options)
        assert caught.value.code.startswith(code)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    # A refused reset leaves the episode where it was.
    [action] = actions(env, 1)
    after = env.step(action)
    env.reset(seed=4)
    assert same(after, env.step(action))


def test_wrong_order_of_calls(url, world):
    env = WorldstepEnv(url, world=world, render_mode="rgb_array")
    for call in (lambda: env.step(env.action_space.sample()), env.render):
        with pytest.raises(WorldstepError, match="reset_needed"):
            call()
    env.close()
    env.close()
    with pytest.raises(WorldstepError, match="env_closed"):
        env.reset()


def test_what_is_not_there_is_refused(url, proxy):
    with pytest.raises(WorldstepError, match="request_unknown_world"):
        WorldstepEnv(url, world="atlantis")
    with pytest.raises(WorldstepError, match="connection_refused"):
        WorldstepEnv("ws://127.0.0.1:1", timeout=1)
    with pytest.raises(WorldstepError, match="connection_refused"):
        WorldstepEnv("localhost")
    with pytest.raises(WorldstepError, match="option_invalid"):
        WorldstepEnv(url, render_mode="human")


def test_no_tick_is_lost_or_run_twice_when_the_socket_is_cut_between_calls(url, proxy, dream):
    env, cut = (WorldstepEnv(at, world=dream, task="reach", timeout=10) for at in (url, proxy.url))
    assert same(rollout(env), rollout(cut, cut=lambda tick: proxy.cut() if tick % 2 else None))
    assert proxy.connections > 3
    env.close()
    cut.close()


def test_no_tick_is_lost_or_run_twice_wherever_the_socket_is_cut(url, proxy, dream):
    env = WorldstepEnv(url, world=dream, task="reach")
    # The hello and `opened` take about 2 kB, a reply one observation: so these fall before, in and after replies.
    reply = sum(np.prod(space.shape) for space in env.observation_space.values())
    proxy.plan = [int(4000 + reply * share) for share in (0.5, 1.0, 0.2, 1.7, 0.9, 2.3, 1.1)]
    cut = WorldstepEnv(proxy.url, world=dream, task="reach", timeout=10)
    assert same(rollout(env), rollout(cut))
    assert proxy.connections == 8
    env.close()
    cut.close()
