// The scripted policies: one for each task, and random play. The same seed gives the same policy.

import { Random } from "@worldstep/sdk";
import { STRIDE, WORKSPACE } from "./kinematics.js";
import type { Place } from "./layout.js";
import { binFloor, holds, pick, place, press, push } from "./manipulation.js";
import { CUBE_HALF, CUBES } from "./scene-xml.js";
import { ACTIONS, follow, type Look, type Script, type ScriptedPolicy, type Skill } from "./script.js";
import { cubeAt, type ScoredTask } from "./tasks.js";

const RED = 0;
const GREEN = 1;
const BLUE = 2;

/** The expert of `task`, made worse by `skill`. It tries again until it is replaced. */
export function taskPolicy(task: ScoredTask, seed: number, skill: Skill = {}): ScriptedPolicy {
  const wrong = skill.wrongGoal ?? false;
  const script = (look: Look): Script => {
    if (task === "reach") return reach(look, wrong);
    if (task === "push") return pushToGoal(look, wrong ? GREEN : RED);
    const onto = task === "stack" ? (): readonly [number, number, number] => above(look, wrong ? GREEN : BLUE) : null;
    const wrongCube = wrong && !onto ? BLUE : RED;
    return pickAndPlace(look, wrongCube, onto ?? (() => binFloor(look())), skill.drop);
  };
  return follow(script, skill, new Random(seed, `policy ${task}`));
}

/**
 * Random play: wanders, picks, carries, drops, stacks, pushes, presses, pauses, twitches, at changing speeds. With
 * `rummaging` it spends half of its ways low over the table, straight through whatever stands there.
 */
export function playPolicy(seed: number, rummaging = false): ScriptedPolicy {
  const random = new Random(seed, "play");
  return follow((look) => play(look, random, rummaging), { noise: random.pick([0, 0, 0.05, 0.15]) }, random);
}

/**
 * Pushes without looking, as an untrained agent would: actions that are held for a while, into the limits of the
 * workspace and into whatever stands there, and now and then uncorrelated ones.
 */
export function blindPolicy(seed: number): { act(): Float32Array } {
  const random = new Random(seed, "blind");
  const row = new Float32Array(ACTIONS);
  let [steps, uncorrelated] = [0, false];
  const draw = () => {
    for (let i = 0; i < ACTIONS; i++) {
      row[i] = random.pick([0, -1, 1, random.uniform(-1, 1), random.uniform(-1, 1)]);
    }
  };
  return {
    act: () => {
      const block = new Float32Array(STRIDE * ACTIONS);
      for (let s = 0; s < STRIDE; s++, steps--) {
        if (steps === 0) {
          steps = 2 + random.index(30);
          uncorrelated = random.chance(0.2);
          draw();
        } else if (uncorrelated) draw();
        block.set(row, s * ACTIONS);
      }
      return block;
    },
  };
}

/**
 * Steers as an agent half-way through its training would: every action is the tanh of a random linear map of the way from
 * the tip to one of the things on the table, drawn to it more or less, for 3 to 12 ticks. It leans on what is in its way.
 */
export function novicePolicy(seed: number): ScriptedPolicy {
  const random = new Random(seed, "novice");
  let [ticks, thing] = [0, 0];
  let weights: number[][] = [];
  return {
    act({ tip, cubes, layout }) {
      const { bin, button, goal } = layout;
      const things = [
        ...CUBES.map((_, i) => cubeAt(cubes, i)),
        ...[bin, button, goal].map(([x, y]) => [x, y, CUBE_HALF]),
      ];
      if (ticks === 0) {
        [ticks, thing] = [3 + random.index(10), random.index(things.length)];
        weights = Array.from({ length: ACTIONS }, (_, a) =>
          Array.from({ length: 4 }, (_, f) => 0.4 * random.normal() + (a === f && f < 3 ? random.uniform(0, 1.5) : 0)),
        );
      }
      ticks--;
      const [x = 0, y = 0, z = 0] = things[thing] ?? [];
      const seen = [20 * (x - tip.x), 20 * (y - tip.y), 20 * (z - tip.z), 1]; // 1 is 5 cm
      const row = weights.map((to) => Math.tanh(to.reduce((sum, weight, f) => sum + weight * (seen[f] as number), 0)));
      return Float32Array.from(Array.from({ length: STRIDE }, () => row).flat());
    },
  };
}

function* reach(look: Look, wrong: boolean): Script {
  for (;;) yield* press(look, wrong ? look().layout.goal : look().layout.button);
}

function* pushToGoal(look: Look, cube: number): Script {
  for (;;) {
    yield* push(look, cube, look().layout.goal);
    yield { hold: 4 };
  }
}

function* pickAndPlace(
  look: Look,
  cube: number,
  where: () => readonly [number, number, number],
  drop?: number,
): Script {
  for (;;) {
    yield* pick(look, cube);
    if (holds(look(), cube)) yield* place(look, cube, where, drop);
  }
}

function above(look: Look, cube: number): readonly [number, number, number] {
  const [x, y, z] = cubeAt(look().cubes, cube);
  return [x, y, z + 2 * CUBE_HALF];
}

function* play(look: Look, random: Random, rummaging: boolean): Script {
  const anywhere = (): Place => [random.uniform(...WORKSPACE.x), random.uniform(...WORKSPACE.y)];
  for (;;) {
    const pace = random.chance(0.4) ? 1 : random.uniform(0.2, 1);
    if (rummaging && random.chance(0.5)) {
      yield* hurry(rummage(look, random, anywhere), pace);
      continue;
    }
    const way = random.uniform();
    if (way < 0.26) yield* hurry(wander(random, anywhere), pace);
    else if (way < 0.56) yield* hurry(carry(look, random, anywhere), pace);
    else if (way < 0.72) yield* hurry(push(look, random.index(CUBES.length), anywhere()), pace);
    else if (way < 0.8) yield* hurry(press(look, look().layout.button), pace);
    else if (way < 0.86) yield* hurry(sweep(look, random, anywhere), pace);
    else if (way < 0.92) yield { hold: 2 + random.index(14) };
    else yield { noiseSteps: 4 + random.index(20) };
  }
}

function* wander(random: Random, anywhere: () => Place): Script {
  for (let i = 1 + random.index(3); i > 0; i--) {
    const [x, y] = anywhere();
    const opening = random.chance(0.4) ? { opening: random.pick([0, 0.04, 0.08]) } : {};
    const yaw = random.chance(0.6) ? { yaw: random.uniform(...WORKSPACE.yaw) } : {};
    yield { x, y, z: random.uniform(...WORKSPACE.z), ...yaw, ...opening, hold: random.index(3) };
  }
}

// Picks a cube, mostly carries it about, then drops it, places it, stacks it or puts it into the bin.
function* carry(look: Look, random: Random, anywhere: () => Place): Script {
  const cube = random.index(CUBES.length);
  if (!holds(look(), cube)) yield* pick(look, cube);
  if (random.chance(0.5)) {
    const [x, y] = anywhere();
    yield { x, y, z: random.uniform(0.06, 0.24), yaw: random.uniform(...WORKSPACE.yaw) };
  }
  const end = random.uniform();
  const onto = (cube + 1 + random.index(2)) % CUBES.length;
  if (end < 0.25) yield { opening: 0.08, hold: 5 };
  else if (end < 0.5) yield* place(look, cube, () => [...anywhere(), CUBE_HALF]);
  else if (end < 0.75) yield* place(look, cube, () => above(look, onto));
  else if (end < 0.95) yield* place(look, cube, () => binFloor(look()));
}

// Low through the table, into whatever is there.
function* sweep(look: Look, random: Random, anywhere: () => Place): Script {
  const [cubeX, cubeY] = cubeAt(look().cubes, random.index(CUBES.length));
  const [x, y] = anywhere();
  yield { x, y };
  yield { z: random.uniform(0.015, 0.06) };
  yield { x: 2 * cubeX - x, y: 2 * cubeY - y };
}

// From place to place as `sweep`, without going up or round anything: against cubes, the button, and the bin from in and
// outside.
function* rummage(look: Look, random: Random, anywhere: () => Place): Script {
  const beside = ([x, y]: Place): Place => [x + random.uniform(-0.03, 0.03), y + random.uniform(-0.03, 0.03)];
  for (let i = 2 + random.index(3); i > 0; i--) {
    const way = random.uniform();
    const [cubeX, cubeY] = cubeAt(look().cubes, random.index(CUBES.length));
    const { bin, button } = look().layout;
    const thing: Place = way < 0.35 ? [cubeX, cubeY] : way < 0.55 ? bin : button;
    const [x, y] = way < 0.75 ? beside(thing) : anywhere();
    const opening = random.chance(0.35) ? { opening: random.pick([0, 0.04, 0.08]) } : {};
    yield { x, y, z: random.uniform(0.012, 0.12), yaw: random.uniform(-0.8, 0.8), ...opening };
  }
}

function* hurry(script: Script, pace: number): Script {
  for (const waypoint of script) yield { ...waypoint, pace: pace * (waypoint.pace ?? 1) };
}
