"""Scripted policies for Push-T (gym-pusht): they see where the agent and the T are, and push it towards the goal."""

import numpy as np

GOAL = np.array([256.0, 256.0, np.pi / 4])  # of the T's body: x, y (pixels of 512), angle
OUTLINE = np.array([[-60, 0], [60, 0], [60, 30], [15, 30], [15, 120], [-15, 120], [-15, 30], [-60, 30]], float)
CENTRE = np.array([0.0, 45.0])  # of mass
# The corners of its two parts, as gym-pusht lists them.
CORNERS = np.array([[-60, 0], [60, 0], [60, 30], [-60, 30], [-15, 30], [15, 30], [15, 120], [-15, 120]], float)
RADIUS = 60.0  # pixels: a turn by an angle counts as much as a way of so many times it


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def placed(points, pose):
    """Points of the T's body, `[n, 2]`, where its pose (x, y, angle) puts them."""
    return points @ turn(pose[2]).T + pose[:2]


def pose_of(keypoints):
    """The pose (x, y, angle) of a T whose corners, as gym-pusht lists them, are nearest to `keypoints` `[8, 2]`."""
    body, seen = CORNERS - CORNERS.mean(0), keypoints - keypoints.mean(0)
    cross, dot = (body[:, 0] * seen[:, 1] - body[:, 1] * seen[:, 0]).sum(), (body * seen).sum()
    angle = np.arctan2(cross, dot)
    return np.array([*(keypoints.mean(0) - turn(angle) @ CORNERS.mean(0)), angle])


def wrapped(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


def off_goal(pose, goal=GOAL):
    """How far a pose is from the goal, in pixels, a turn counted as `RADIUS` says."""
    centre, there = (placed(CENTRE[None], p)[0] for p in (pose, goal))
    return float(np.hypot(np.linalg.norm(centre - there), RADIUS * wrapped(pose[2] - goal[2])))


def contacts():
    """Places on the outline where one can push, `[n, 2]`, and the way out of the T there, `[n, 2]`."""
    ends = np.roll(OUTLINE, -1, 0)
    places, outwards = [], []
    for a, b in zip(OUTLINE, ends):
        along = (b - a) / np.linalg.norm(b - a)
        for share in (0.15, 0.5, 0.85) if np.linalg.norm(b - a) > 50 else (0.5,):
            places.append(a + share * (b - a))
            outwards.append([along[1], -along[0]])
    return np.array(places), np.array(outwards)


PLACES, OUTWARDS = contacts()


def push(agent, pose, contact, length):
    """Around the T to a contact, `length` pixels through it, and back off: way-points, `[(where, most steps)]`."""
    there, out = placed(PLACES[contact][None], pose)[0], turn(pose[2]) @ OUTWARDS[contact]
    centre = placed(CENTRE[None], pose)[0]
    start, end = there + 40 * out, there - length * out
    return [*((x, 12) for x in around(agent, start, centre)), (start, 12), (end, 10), (end + 0.3 * (start - end), 2)]


def around(agent, start, centre):
    """Way-points that lead from the agent to `start` without crossing the T."""
    way = start - agent
    share = np.clip((centre - agent) @ way / max(way @ way, 1e-6), 0, 1)
    if np.linalg.norm(agent + share * way - centre) > 90:
        return []
    side = np.array([-way[1], way[0]])
    if side @ (agent + share * way - centre) < 0:
        side = -side
    return [np.clip(centre + 135 * side / max(np.linalg.norm(side), 1e-6), 15, 497)]


def reachable(pose):
    """Of each contact, whether there is room for the agent before it."""
    there, out = placed(PLACES, pose), OUTWARDS @ turn(pose[2]).T
    return ((there + 40 * out > 15) & (there + 40 * out < 497)).all(1)


class Push:
    """Goes along way-points, `pace` pixels a step at most. Gives gym-pusht's action: where to be, pixels of 512."""

    def __init__(self, plan, pace):
        self.plan, self.pace = list(plan), pace

    def done(self, agent):
        while self.plan and (np.linalg.norm(self.plan[0][0] - agent) < 8 or self.plan[0][1] <= 0):
            self.plan.pop(0)
        return not self.plan

    def act(self, agent, keypoints=None):
        """agent `[2]`, pixels of 512 -> where to go, `[2]`; once it is done it stays."""
        if self.done(agent):
            return np.clip(agent, 0, 511).astype(np.float32)
        target, patience = self.plan[0]
        self.plan[0] = (target, patience - 1)
        way = target - agent
        return np.clip(agent + way * min(1, self.pace / max(np.linalg.norm(way), 1e-6)), 0, 511).astype(np.float32)


class Pusher:
    """
    Pushes the T towards the goal. skill in [0, 1]: the share of pushes that are chosen well; the others are anywhere.
    jitter: pixels of noise on where it goes.
    """

    def __init__(self, rng, skill=1.0, jitter=0.0, goal=GOAL):
        self.rng, self.skill, self.jitter, self.goal = rng, skill, jitter, goal
        self.push = Push([], 1)

    def act(self, agent, keypoints):
        """agent `[2]`, keypoints `[8, 2]`, pixels of 512 -> where to go, `[2]`."""
        if self.push.done(agent):
            self.push = self.choose(agent, pose_of(keypoints))
        return np.clip(self.push.act(agent) + self.rng.normal(0, self.jitter, 2), 0, 511).astype(np.float32)

    def choose(self, agent, pose):
        """The next push: that which, as if the T slid on ice, would leave it nearest to the goal."""
        length = np.clip(off_goal(pose, self.goal) * 0.7, 10, 60)
        there, out = placed(PLACES, pose), OUTWARDS @ turn(pose[2]).T
        arm = there - placed(CENTRE[None], pose)[0]
        angle = -(arm[:, 0] * out[:, 1] - arm[:, 1] * out[:, 0]) * length / RADIUS**2
        after = [off_goal(np.array([*(pose[:2] - length * o), pose[2] + a]), self.goal) for o, a in zip(out, angle)]
        best = np.where(reachable(pose), after, np.inf).argmin()
        contact = best if self.rng.random() < self.skill else self.rng.integers(len(PLACES))
        return Push(push(agent, pose, contact, length), self.rng.uniform(30, 70))


class Wanderer:
    """Goes to places at random, at random paces: now and then through the T."""

    def __init__(self, rng):
        self.rng, self.left = rng, 0

    def act(self, agent, keypoints):
        if self.left == 0:
            towards = self.rng.uniform(30, 482, 2) if self.rng.random() < 0.5 else keypoints[self.rng.integers(8)]
            self.target, self.pace, self.left = towards, self.rng.uniform(10, 80), self.rng.integers(3, 15)
        self.left -= 1
        way = self.target - agent
        return np.clip(agent + way * min(1, self.pace / max(np.linalg.norm(way), 1e-6)), 0, 511).astype(np.float32)
