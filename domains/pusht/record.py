"""Plays Push-T (gym-pusht, its own physics and pictures) and writes what happened as a LeRobot dataset (v3.0):
python domains/pusht/record.py --out data/pusht-logs

Wants `pip install gym-pusht pyarrow av`. Three in ten episodes wander at random, the others push, well or badly, slowly or fast;
some begin near the goal, where chance seldom leads. Without an episode's end at success: what comes after is worth seeing."""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from pusher import CENTRE, GOAL, Pusher, Wanderer, placed, turn

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
FPS, CAMERA, A_FILE = 10, "observation.image", 100
NAMES = [f"{axis} of corner {i} (px of 512)" for i in range(8) for axis in "xy"]
FEATURES = {
    CAMERA: dict(dtype="video", shape=[96, 96, 3], names=["height", "width", "channels"]),
    "observation.state": dict(dtype="float32", shape=[2], names=["x (px of 512)", "y (px of 512)"]),
    "observation.environment_state": dict(dtype="float32", shape=[16], names=NAMES),
    "action": dict(dtype="float32", shape=[2], names=["to x (px of 512)", "to y (px of 512)"]),
    "next.reward": dict(dtype="float32", shape=[1], names=None),
    "next.success": dict(dtype="bool", shape=[1], names=None),
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="folder of the dataset; it must not be there yet")
    parser.add_argument("--episodes", type=int, default=2000)
    parser.add_argument("--frames", type=int, default=129, help="of an episode: two windows of 32 ticks of two")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def start(rng):
    """The agent's place and the T's pose: anywhere, or in two of five near the goal."""
    if rng.random() < 0.4:
        pose = GOAL + rng.normal(0, [25, 25, 0.3])
    else:
        pose = np.array([*rng.uniform(100, 400, 2), rng.uniform(-np.pi, np.pi)])
    agent = rng.uniform(30, 482, 2)
    while np.linalg.norm(agent - placed(CENTRE[None], pose)[0]) < 100:
        agent = rng.uniform(30, 482, 2)
    return [*agent, *pose]


def policy(rng):
    if rng.random() < 0.3:
        return Wanderer(rng)
    return Pusher(rng, skill=rng.choice([0, 0.5, 1]), jitter=rng.choice([0, 5, 20]))


def reset_to(env, state):
    """gym-pusht moves the T while it turns it about its centre of mass: so that `state` is where it is, that is undone."""
    agent, pose = state[:2], np.asarray(state[2:])
    moved = pose[:2] + turn(pose[2]) @ CENTRE - CENTRE
    return env.reset(options=dict(reset_to_state=[*agent, *moved, pose[2]]))[0]


def play(env, rng, frames):
    """One episode as columns, and its pictures `[F, 96, 96, 3]`."""
    world, seen, columns = env.unwrapped, [], {name: [] for name in FEATURES if name != CAMERA}
    observation, acts = reset_to(env, start(rng)), policy(rng)
    for _ in range(frames):
        corners = world.get_keypoints(world._block_shapes)
        action = acts.act(observation["agent_pos"], corners)
        seen.append(observation["pixels"])
        columns["observation.state"].append(np.float32(observation["agent_pos"]).tolist())
        columns["observation.environment_state"].append(np.float32(corners).flatten().tolist())
        columns["action"].append(action.tolist())
        observation, reward, success, _, _ = env.step(action)
        columns["next.reward"].append(float(reward))
        columns["next.success"].append(bool(success))
    return columns, seen


def main():
    import av
    import gymnasium
    import gym_pusht  # noqa: F401
    import pyarrow as pa
    import pyarrow.parquet as pq

    args = parse()
    out = Path(args.out)
    if out.exists():
        raise SystemExit(f"{out} is there already: choose another folder, or delete it")
    env = gymnasium.make("gym_pusht/PushT-v0", obs_type="pixels_agent_pos", max_episode_steps=10**6)
    env.reset(seed=args.seed)
    path = lambda kind, file, end: out / kind / "chunk-000" / f"file-{file:03d}.{end}"  # noqa: E731
    for kind in ("data", "meta/episodes", f"videos/{CAMERA}"):
        path(kind, 0, "x").parent.mkdir(parents=True)
    index = []
    for file, first in enumerate(range(0, args.episodes, A_FILE)):
        table = {name: [] for name in ("episode_index", "frame_index", "timestamp", *FEATURES) if name != CAMERA}
        with av.open(str(path(f"videos/{CAMERA}", file, "mp4")), "w") as container:
            stream = container.add_stream("h264", rate=FPS, options={"crf": "10", "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv444p"
            for number in range(first, min(first + A_FILE, args.episodes)):
                columns, seen = play(env, np.random.default_rng([args.seed, number]), args.frames)
                table["episode_index"] += [number] * args.frames
                table["frame_index"] += range(args.frames)
                table["timestamp"] += [i / FPS for i in range(args.frames)]
                for name, values in columns.items():
                    table[name] += values
                for frame in seen:
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
                at = dict(chunk_index=0, file_index=file, from_timestamp=(number - first) * args.frames / FPS)
                index.append(dict(episode_index=number, length=args.frames, **{f"videos/{CAMERA}/{k}": v for k, v in at.items()}))
                print(f"\repisode {number + 1}/{args.episodes}", end="", flush=True)
            container.mux(stream.encode())
        pq.write_table(pa.table(table), path("data", file, "parquet"))
    print()
    pq.write_table(pa.Table.from_pylist(index), path("meta/episodes", 0, "parquet"))
    video_path = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    info = dict(codebase_version="v3.0", fps=FPS, features=FEATURES, video_path=video_path, total_episodes=args.episodes)
    (out / "meta/info.json").write_text(json.dumps(info, indent=2) + "\n")
    print(f"wrote {out}: {args.episodes} episodes of {args.frames} frames")


if __name__ == "__main__":
    main()
