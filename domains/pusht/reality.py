"""gym-pusht, and the policies of pusher.py, for who asks on stdin: `src/python.ts` does, for the judge.

A message is two little-endian uint32, how many bytes of JSON and how many of frames follow, then these. Each question says
in `do` which function below it is for; its answer comes in the same order. Whatever is wrong ends the process, with a
traceback on stderr. Where it is `filmed`, frames follow the answer, uint8 `[size, size, 3]` each."""

import json
import os
import signal
import struct
import sys

signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asks ends first, and this with it
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")  # it goes to stdout
KEPT = {}  # the realities and policies that were asked for, by the numbers that the asker gave them


class Reality:
    def __init__(self, seed):
        self.world, self.seed, self.rows = gymnasium.make("gym_pusht/PushT-v0", obs_type="environment_state_agent_pos").unwrapped, seed, []
        self.world.reset(seed=0)
        reset_to(self.world, start(np.random.default_rng([10_001, seed])))  # which no log has: theirs are [seed, episode]

    def step(self, row):
        self.rows.append(row)
        self.world.step(np.float32(row))

    def moment(self):
        """Agent x, y and the corners, pixels of 512; the share of the goal that the T covers."""
        world = self.world
        return [*world.agent.position, *world.get_keypoints(world._block_shapes).flatten().tolist(), world._get_coverage()]

    def frame(self, size):
        return cv2.resize(self.world._render(), (size, size), interpolation=cv2.INTER_AREA).tobytes()


def reset(reality, seed, size):
    KEPT[reality] = Reality(seed)
    return dict(moments=[KEPT[reality].moment()]), KEPT[reality].frame(size)


def step(reality, rows, filmed, size):
    """rows `[n, 2]`, pixels of 512; `filmed` is one truth a row."""
    moments, frames, it = [], [], KEPT[reality]
    for row, is_filmed in zip(rows, filmed):
        it.step(row)
        moments.append(it.moment())
        if is_filmed:
            frames.append(it.frame(size))
    return dict(moments=moments), b"".join(frames)


def fork(reality, of):
    """pymunk can't copy all of a moment, but the same steps lead to it again."""
    KEPT[reality] = Reality(KEPT[of].seed)
    for row in KEPT[of].rows:
        KEPT[reality].step(row)
    return {}, b""


def policy(policy, kind, seed, skill=1.0, jitter=0.0):
    rng = np.random.default_rng([10_002, seed])
    KEPT[policy] = dict(wander=lambda: Wanderer(rng), push=lambda: Pusher(rng, skill, jitter))[kind]()
    return {}, b""


def pushes(policies, agent, corners):
    """One push at each contact: as many policies, and whether there is room for the agent before it."""
    pose = pose_of(np.reshape(corners, (8, 2)))
    for contact, name in enumerate(policies):
        KEPT[name] = Push(push(np.array(agent), pose, contact, 60), 50)
    return dict(reachable=reachable(pose).tolist()), b""


def act(policies, agents, corners):
    acts = [KEPT[p].act(np.array(a), np.reshape(c, (8, 2))) for p, a, c in zip(policies, agents, corners)]
    return dict(targets=[target.tolist() for target in acts]), b""


def measure(corners):
    poses = [pose_of(np.reshape(c, (8, 2))) for c in corners]
    return dict(off=[off_goal(p) for p in poses], coverage=[coverage(p) for p in poses], near=[near(p) for p in poses]), b""


def forget(kept):
    for name in kept:
        KEPT.pop(name, None)
    return {}, b""


def coverage(pose):
    """The share of the goal that the T covers, as gym-pusht counts it."""
    goal, there = (Polygon(placed(OUTLINE, p)) for p in (GOAL, pose))
    return goal.intersection(there).area / goal.area


def near(pose):
    """Whether a pose is within 20 pixels and 20 degrees of the goal, as DINO-WM (arXiv 2411.04983) counts success."""
    return bool(np.linalg.norm(pose[:2] - GOAL[:2]) < 20 and abs(wrapped(pose[2] - GOAL[2])) < np.pi / 9)


def say(answer, frames=b""):
    text = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack("<II", len(text), len(frames)) + text + frames)
    sys.stdout.buffer.flush()


def main():
    say(dict(contacts=len(PLACES)))
    asked = {f.__name__: f for f in (reset, step, fork, policy, pushes, act, measure, forget)}
    while head := sys.stdin.buffer.read(8):
        text = sys.stdin.buffer.read(struct.unpack("<II", head)[0])
        question = json.loads(text)
        say(*asked[question.pop("do")](**question))


try:
    import cv2
    import gymnasium
    import gym_pusht  # noqa: F401
    import numpy as np
    from pusher import GOAL, OUTLINE, PLACES, Push, Pusher, Wanderer, off_goal, placed, pose_of, push, reachable, wrapped
    from record import reset_to, start
    from shapely.geometry import Polygon
except ModuleNotFoundError as missing:
    say(dict(missing=missing.name))
else:
    main()
