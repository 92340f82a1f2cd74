"""Stable-Baselines3's PPO on a served world: `python examples/ppo.py --url ws://localhost:8777 --steps 2000`.

Needs stable-baselines3. It learns from proprioception, or with --pixels from the newest frame too. Prints steps a second.
"""

from __future__ import annotations

import argparse
import json
import time

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.wrappers import FilterObservation, FlattenObservation, TransformObservation
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

from worldstep import WorldstepEnv

SEED = 0


def make(args: argparse.Namespace) -> gymnasium.Env:
    env = WorldstepEnv(args.url, world=args.world, task=args.task, nfe=args.nfe)
    if not args.pixels:
        return Monitor(FlattenObservation(FilterObservation(env, ["proprioception"])))
    frames = env.observation_space["frames"]
    newest = spaces.Box(0, 255, frames.shape[1:], np.uint8)
    seen = spaces.Dict({**env.observation_space.spaces, "frames": newest})
    return Monitor(TransformObservation(env, lambda shown: {**shown, "frames": shown["frames"][-1]}, seen))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="ws://localhost:8777")
    parser.add_argument("--world", help="default: the server's first")
    parser.add_argument("--task", default="reach")
    parser.add_argument("--nfe", type=int, help="denoiser evaluations a tick; default: the world's")
    parser.add_argument("--steps", type=int, default=2000, help="env steps; PPO rounds up to whole rollouts")
    parser.add_argument("--envs", type=int, default=1)
    parser.add_argument("--pixels", action="store_true", help="look at the newest frame too")
    args = parser.parse_args()

    torch.set_num_threads(1)  # the networks are small: more threads would wait for one another
    envs = DummyVecEnv([lambda: make(args)] * args.envs)
    policy = "MultiInputPolicy" if args.pixels else "MlpPolicy"
    n_steps = max(2, min(500, args.steps) // args.envs)
    model = PPO(policy, envs, n_steps=n_steps, batch_size=50, n_epochs=4, seed=SEED, device="cpu")
    started = time.perf_counter()
    model.learn(args.steps)
    seconds = time.perf_counter() - started
    envs.close()

    episodes = [episode["r"] for episode in model.ep_info_buffer]
    result = {
        "steps": {"value": model.num_timesteps, "unit": "steps"},
        "stepsPerSecond": {"value": round(model.num_timesteps / seconds, 1), "unit": "1/s"},
    }
    if episodes:
        result["meanReturn"] = {"value": round(float(np.mean(episodes)), 3), "unit": "reward", "n": len(episodes)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
