// The simulator's scripts as policies: what they need to know of the scene they read from the observation.
import type { Observation } from "@worldstep/protocols";
import { ACTION_SCALE, movedBy, type Pose, type Scene, type ScriptedPolicy } from "@worldstep/simulator";
import { newestFrame, type Policy } from "./policy.js";
import type { Ruler } from "./ruler.js";

// How much of the way from where the actions should have led to where the arm is the belief goes in a tick. An arm that
// lags or hangs is no drift; one that keeps being elsewhere is.
const CORRECTION = 0.25;

/** The script that `make` gives for an episode's seed, looking through `ruler`. Closing it leaves the ruler open. */
export function scriptedPolicy(ruler: Ruler, make: (seed: number) => ScriptedPolicy): Policy {
  let script: ScriptedPolicy | undefined;
  let command: Pose | undefined;
  return {
    reset: async (seed) => {
      script = make(seed);
      command = undefined;
    },
    act: async (observation) => {
      const tip = tipOf(observation);
      command = command === undefined ? tip : corrected(command, tip);
      const { cubes, layout } = await ruler.read(newestFrame(observation));
      const scene: Scene = { tip, cubes, layout, command };
      const block = (script as ScriptedPolicy).act(scene);
      const channels = Object.keys(ACTION_SCALE).length;
      for (let row = 0; row < block.length; row += channels) command = movedBy(command, block.subarray(row));
      return block;
    },
    close: async () => {},
  };
}

/** A policy that looks at nothing. */
export function blindly(make: (seed: number) => { act(): Float32Array }): Policy {
  let random: { act(): Float32Array } | undefined;
  return {
    reset: async (seed) => {
      random = make(seed);
    },
    act: async () => (random as { act(): Float32Array }).act(),
    close: async () => {},
  };
}

function tipOf({ proprioception: { data } }: Observation): Pose {
  const [x, y, z, yaw, opening] = data as unknown as [number, number, number, number, number];
  return { x, y, z, yaw, opening };
}

function corrected(command: Pose, tip: Pose): Pose {
  const towards = (key: "x" | "y" | "z" | "yaw"): number => command[key] + CORRECTION * (tip[key] - command[key]);
  return { x: towards("x"), y: towards("y"), z: towards("z"), yaw: towards("yaw"), opening: command.opening };
}
