"""Learn a task of the tabletop with Stable-Baselines3's PPO in served worlds, and try what was learned in MuJoCo.

    worldstep serve --world worlds/tabletop-nano          # the dream, and MuJoCo as "tabletop-mujoco"
    python examples/ppo_tabletop.py --task reach          # learns in each of the two, with as many steps

Needs stable-baselines3 and onnxruntime. The policy sees what a probe reads from the newest frame, and proprioception.
Prints JSON: the success of each policy on held-out episodes with its 95 % interval.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv
from tabletop import PROBES, TrainingSeeds, held_out_seed, through_probe

from worldstep import Connection, WorldstepEnv, WorldstepError

REALITY = "tabletop-mujoco"
# Ticks of an episode of training, which are enough for an expert; and of one of the trial.
MAX_TICKS = {"reach": 12, "push": 20, "pick-place": 30, "stack": 30}
TRIAL_TICKS = 45
ENVS = 4
SETTINGS = {"n_steps": 64, "batch_size": 64, "n_epochs": 10, "learning_rate": 1e-3, "gamma": 0.95, "gae_lambda": 0.9}
NETWORK = {"net_arch": [32, 32], "log_std_init": -0.5}


class Progress(BaseCallback):
    """A line on stderr after every rollout."""

    def __init__(self, world: str, steps: int) -> None:
        super().__init__()
        self.world, self.steps, self.started = world, steps, time.perf_counter()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        done = self.num_timesteps
        left = (time.perf_counter() - self.started) / done * max(0, self.steps - done)
        recent = [episode["success"] for episode in self.model.ep_info_buffer]
        success = f"{np.mean(recent):.2f}" if recent else "?"
        print(f"learning in {self.world}: {done}/{self.steps} steps, success {success}, {left:.0f} s left", file=sys.stderr)


def make(args: argparse.Namespace, world: str, max_ticks: int) -> gymnasium.Env:
    return through_probe(WorldstepEnv(args.url, world, args.task, max_ticks=max_ticks), args.task, args.probes)


def learn(args: argparse.Namespace, world: str) -> PPO:
    def one() -> gymnasium.Env:
        return Monitor(TrainingSeeds(make(args, world, MAX_TICKS[args.task])), info_keywords=("success",))

    envs = DummyVecEnv([one] * ENVS)
    model = PPO("MlpPolicy", envs, policy_kwargs=NETWORK, seed=args.seed, device="cpu", **SETTINGS)
    model.learn(args.steps, Progress(world, args.steps))
    envs.close()
    return model


def tried(args: argparse.Namespace, model: PPO) -> list[bool]:
    """Whether the policy succeeds in each of the held-out episodes."""
    env = make(args, args.reality, TRIAL_TICKS)
    successes = []
    for i in range(args.trials):
        observation, _ = env.reset(seed=held_out_seed(args.seed, i))
        terminated = truncated = False
        while not (terminated or truncated):
            action, _ = model.predict(observation, deterministic=True)
            observation, _, terminated, truncated, _ = env.step(action)
        successes.append(terminated)
    env.close()
    return successes


def share(successes: list[bool]) -> dict[str, object]:
    """The share of successes, with Wilson's 95 % interval."""
    n, value, z2 = len(successes), float(np.mean(successes)), 1.96**2
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = 1.96 / (1 + z2 / n) * (value * (1 - value) / n + z2 / (4 * n * n)) ** 0.5
    return {"value": value, "unit": "share", "low": round(middle - half, 3), "high": round(middle + half, 3), "n": n}


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("give a whole number above 0")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="ws://localhost:8777")
    parser.add_argument("--worlds", nargs="+", help="where to learn, each from nothing; default: all that the server has")
    parser.add_argument("--reality", default=REALITY, help="where to try what was learned")
    parser.add_argument("--task", default="reach", choices=MAX_TICKS)
    parser.add_argument("--probes", type=Path, default=PROBES, help="folder with a probe-SIZE.onnx; default: domains/tabletop/policies")
    parser.add_argument("--steps", type=positive, default=8000, help="env steps in each world, rounded up to whole rollouts")
    parser.add_argument("--trials", type=positive, default=100, help="held-out episodes")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random")
    args = parser.parse_args()

    torch.set_num_threads(1)  # the networks are small: more threads would wait for one another
    learned: dict[str, dict] = {}
    try:
        connection = Connection(args.url)
        worlds = args.worlds or list(connection.worlds)
        connection.close()
        for world in worlds:
            started = time.perf_counter()
            model = learn(args, world)
            seconds = time.perf_counter() - started
            success = share(tried(args, model))
            learned[world] = {"success": success, "steps": model.num_timesteps, "seconds": round(seconds, 1)}
            print(f"learned in {world}: success {success['value']} in {args.reality}", file=sys.stderr)
    except (WorldstepError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    real = learned.get(args.reality, {}).get("success", {}).get("value", 0)
    over_real = {world: result["success"]["value"] / real for world, result in learned.items() if real > 0}
    print(json.dumps({"task": args.task, "seed": args.seed, "learned": learned, "overReal": over_real}))


if __name__ == "__main__":
    main()
