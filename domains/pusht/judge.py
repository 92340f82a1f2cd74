"""How true a world of Push-T is, and what it is good for, measured in gym-pusht itself:
npx worldstep serve --world worlds/pusht, and beside it: python domains/pusht/judge.py --out report.json

Wants `pip install ./sdk/python gym-pusht`. Three parts, each with intervals of 95 % by resampling episodes:
  fidelity  the same actions in both: PSNR of the frames, and how far the corners of the T are off, in pixels of 512
  ranking   the same policies in both: whether the dream orders them as gym-pusht does (Pearson, Spearman, MMRV)
  planner   pushes chosen by what the dream says of each, played in gym-pusht, beside pushes chosen by a rule of thumb"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
from pusher import GOAL, OUTLINE, PLACES, Push, Pusher, Wanderer, off_goal, placed, pose_of, push, reachable, wrapped
from record import reset_to, start

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
POLICIES = [("wander", None, 0)] + [(f"skill {skill}, jitter {jitter}", skill, jitter) for skill in (0, 0.25, 0.5, 0.75, 1) for jitter in (0, 20)]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="ws://localhost:8777")
    parser.add_argument("--world", default="pusht", help="its name on the server")
    parser.add_argument("--out", help="file for the report, JSON")
    parser.add_argument("--only", choices=("fidelity", "ranking", "planner"), action="append", help="may be given more than once")
    parser.add_argument("--episodes", type=int, default=24, help="of each part; the ranking plays as many with each policy")
    parser.add_argument("--ticks", type=int, default=150, help="of an episode of ranking and planner: 300 control steps, gym-pusht's own limit")
    parser.add_argument("--seed", type=int, default=10_001, help="of the start states; the logs had others")
    return parser.parse_args()


class Real:
    """`count` envs of gym-pusht. Frames `[count, 96, 96, 3]`, agents `[count, 2]`, corners `[count, 8, 2]`, in pixels of 512."""

    def __init__(self, count):
        import gymnasium
        import gym_pusht  # noqa: F401

        make = lambda: gymnasium.make("gym_pusht/PushT-v0", obs_type="pixels_agent_pos", max_episode_steps=10**6)  # noqa: E731
        self.envs = [make() for _ in range(count)]
        for env in self.envs:
            env.reset(seed=0)

    def begin(self, starts):
        self.seen = [reset_to(env, state) for env, state in zip(self.envs, starts)]

    def step(self, targets):
        """targets `[count, stride, 2]`, a row a control step."""
        for i, (env, rows) in enumerate(zip(self.envs, targets)):
            for row in rows:
                self.seen[i] = env.step(row)[0]

    @property
    def frames(self):
        return np.stack([seen["pixels"] for seen in self.seen])

    @property
    def agents(self):
        return np.stack([seen["agent_pos"] for seen in self.seen]).astype(float)

    @property
    def corners(self):
        worlds = [env.unwrapped for env in self.envs]
        return np.stack([world.get_keypoints(world._block_shapes) for world in worlds])


class Dream:
    """As `Real`, of a served world, whose frames are smaller."""

    def __init__(self, url, world, count):
        from worldstep import WorldstepVectorEnv, scale

        self.scale = scale
        self.envs = WorldstepVectorEnv(url, num_envs=count, world=world, max_ticks=0, autoreset_mode="Disabled")
        self.stride = self.envs.world_info["stride"]
        self.size = self.envs.single_observation_space["frames"].shape[1]
        self.envs.reset(seed=0)

    def begin(self, frames, agents):
        """Each from a frame `[96, 96, 3]` and where the agent is in it."""
        import cv2

        small = [cv2.resize(frame, (self.size, self.size), interpolation=cv2.INTER_AREA)[None] for frame in frames]
        options = dict(frames=np.stack(small), proprioception=np.float32(agents))
        shown, info = self.envs.reset(seed=list(range(len(frames))), options=options)
        self._take(shown, info)
        self.corners = np.full((self.envs.num_envs, 8, 2), np.nan)  # not told before the first tick

    def step(self, targets):
        shown, *_, info = self.envs.step(np.clip(self.scale(self.envs.world_info, targets), -1, 1))
        self._take(shown, info)
        state = info["environmentState"]
        names = [name for name in state if not name.startswith("_")]
        self.corners = np.stack([state[name] for name in names], 1).reshape(-1, 8, 2).astype(float)

    def _take(self, shown, info):
        self.frames, self.agents = shown["frames"][:, -1], shown["proprioception"].astype(float)


def coverage(pose):
    """The share of the goal that the T covers, as gym-pusht counts it."""
    from shapely.geometry import Polygon

    goal, there = (Polygon(placed(OUTLINE, p)) for p in (GOAL, pose))
    return goal.intersection(there).area / goal.area


def starts(seed, count):
    return [start(np.random.default_rng([seed, i])) for i in range(count)]


def rows_of(policies, agents, corners, stride):
    """One decision a tick, held for its control steps: `[n, stride, 2]`."""
    return np.stack([np.repeat(p.act(a, c)[None], stride, 0) for p, a, c in zip(policies, agents, corners)])


def made(kind, seed, i):
    _, skill, jitter = kind
    rng = np.random.default_rng([seed, i])
    return Wanderer(rng) if skill is None else Pusher(rng, skill, jitter)


def interval(values, statistic=np.mean, resamples=2000):
    """A statistic of `values` `[n, ..]`, and its interval over resampled rows; None for what can't be told of so few."""
    rng, n = np.random.default_rng(0), len(values)
    several = [statistic(values[rng.integers(n, size=n)]) for _ in range(resamples)]
    found = (statistic(values), *np.quantile(several, [0.025, 0.975]))
    return [float(x) if np.isfinite(x) else None for x in found]


def fidelity(real, dream, args):
    import cv2

    small = lambda frames: np.stack([cv2.resize(f, (dream.size, dream.size), interpolation=cv2.INTER_AREA) for f in frames])  # noqa: E731
    real.begin(starts(args.seed, args.episodes))
    dream.begin(real.frames, real.agents)
    began, at = real.corners, {}
    policies = [made(POLICIES[i % len(POLICIES)], args.seed, i) for i in range(args.episodes)]
    for tick in range(1, 26):
        rows = rows_of(policies, real.agents, real.corners, dream.stride)
        real.step(rows)
        dream.step(rows)
        if tick in (1, 10, 25):
            error = ((small(real.frames).astype(float) - dream.frames) / 255) ** 2
            off = np.linalg.norm(real.corners - dream.corners, axis=-1).mean(1)
            moved = np.linalg.norm(real.corners - began, axis=-1).mean(1) > 10
            at[f"psnrTick{tick}"] = interval(error.mean((1, 2, 3)), lambda e: -10 * np.log10(e.mean()))
            at[f"cornersTick{tick}"] = interval(off)
            at[f"agentTick{tick}"] = interval(np.linalg.norm(real.agents - dream.agents, axis=-1))
            if moved.any():
                at[f"movedCornersTick{tick}"] = interval(off[moved])
                at[f"movedByTick{tick}"] = interval(np.linalg.norm(real.corners - began, axis=-1).mean(1)[moved])
    return at


def played(kind, world, stride, args):
    """The best coverage within an episode, `[episodes]`, of a policy in a world that has begun."""
    policies = [made(kind, args.seed, i) for i in range(args.episodes)]
    best = np.zeros(args.episodes)
    for _ in range(args.ticks):
        world.step(rows_of(policies, world.agents, world.corners, stride))
        best = np.maximum(best, [coverage(pose_of(corners)) for corners in world.corners])
    return best


def mmrv(real, dreamed):
    """Mean maximum rank violation (SIMPLER, arXiv 2405.05941): the most that a wrong order hides, mean over policies."""
    worst = [max((abs(a - b) for b, y in zip(real, dreamed) if (a > b) != (x > y)), default=0) for a, x in zip(real, dreamed)]
    return float(np.mean(worst))


def ranking(real, dream, args):
    scores = []
    for kind in POLICIES:
        real.begin(starts(args.seed, args.episodes))
        dream.begin(real.frames, real.agents)
        dream.corners = real.corners  # what the policies see first
        scores.append([played(kind, world, dream.stride, args) for world in (real, dream)])
        print(f"ranking  {kind[0]:24} real {scores[-1][0].mean():.2f}  dreamed {scores[-1][1].mean():.2f}", flush=True)
    scores = np.array(scores).transpose(2, 1, 0)  # [episodes, 2, policies]
    rank = lambda x: np.argsort(np.argsort(x))  # noqa: E731
    return dict(
        pearson=interval(scores, lambda s: np.corrcoef(*s.mean(0))[0, 1]),
        spearman=interval(scores, lambda s: np.corrcoef(*map(rank, s.mean(0)))[0, 1]),
        mmrv=interval(scores, lambda s: mmrv(*s.mean(0))),
        policies={kind[0]: dict(real=float(r), dreamed=float(d)) for kind, r, d in zip(POLICIES, *scores.mean(0))},
    )


def near(pose):
    """Whether a pose is within 20 pixels and 20 degrees of the goal, as DINO-WM (arXiv 2411.04983) counts success."""
    return np.linalg.norm(pose[:2] - GOAL[:2]) < 20 and abs(wrapped(pose[2] - GOAL[2])) < np.pi / 9


def chosen(dream, frame, agent, corners, horizon=16):
    """Of one push at each contact, that which the dream says brings the T nearest to the goal, and in how many ticks."""
    pose = pose_of(corners)
    plans = [push(agent, pose, contact, 60) for contact in range(len(PLACES))]
    tried, after = [Push(plan, 50) for plan in plans], []
    dream.begin([frame] * len(PLACES), [agent] * len(PLACES))
    for _ in range(horizon):
        dream.step(rows_of(tried, dream.agents, dream.corners, dream.stride))
        after.append([off_goal(pose_of(c)) for c in dream.corners])
    after = np.where(reachable(pose), after, np.inf)
    tick, contact = np.unravel_index(after.argmin(), after.shape)
    return Push(plans[contact], 50), tick + 1


def planner(real, dream, args):
    """Coverage and success in gym-pusht, by the dream's choice of pushes and by the rule of thumb."""
    one, results = Real(1), {}
    for name in ("planned", "rule of thumb"):
        rows = []
        for i, state in enumerate(starts(args.seed, args.episodes)):
            one.begin([state])
            policy, left, best, close = Pusher(np.random.default_rng([args.seed, i])), 0, 0.0, False
            for _ in range(args.ticks):
                if name == "planned" and left == 0:
                    policy, left = chosen(dream, one.frames[0], one.agents[0], one.corners[0])
                left -= 1
                one.step(rows_of([policy], one.agents, one.corners, dream.stride))
                pose = pose_of(one.corners[0])
                best, close = max(best, coverage(pose)), close or near(pose)
                if best > 0.95:
                    break
            rows.append([best, best > 0.95, close])
            print(f"{name}  {i + 1}/{args.episodes}  coverage {best:.2f}", flush=True)
        rows = np.array(rows, float)
        for k, value in enumerate(("coverage", "success", "near")):
            results[f"{name}, {value}"] = interval(rows[:, k])
    return results


def main():
    args = parse()
    began, report = time.time(), dict(world=args.world, episodes=args.episodes, seed=args.seed)
    real = Real(args.episodes)
    for part in args.only or ("fidelity", "ranking", "planner"):
        dream = Dream(args.url, args.world, len(PLACES) if part == "planner" else args.episodes)
        report["hash"] = dream.envs.world_info["hash"]
        report[part] = dict(fidelity=fidelity, ranking=ranking, planner=planner)[part](real, dream, args)
        dream.envs.close()
        for name, value in report[part].items():
            if isinstance(value, list):
                shown = ["?" if x is None else f"{x:.3f}" for x in value]
                print(f"{part:9} {name:28} {shown[0]:>8}  [{shown[1]}, {shown[2]}]", flush=True)
    report["minutes"] = round((time.time() - began) / 60, 1)
    if args.out:
        Path(args.out).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
