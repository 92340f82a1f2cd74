// The simulator's scripts as policies: what they need to know of the scene they read from the observation.
import type { Observation } from "@worldstep/protocols";
import { newestFrame, type Policy } from "@worldstep/sdk";
import type { Eyes } from "../probe.js";
import type { Pose } from "../simulator/kinematics.js";
import { believing, type ScriptedPolicy } from "../simulator/script.js";

/** The script that `make` gives for an episode's seed, looking through `probe`. Closing it leaves the probe open. */
export function scriptedPolicy(probe: Eyes, make: (seed: number) => ScriptedPolicy): Policy {
  let script: ReturnType<typeof believing> | undefined;
  return {
    reset: async (seed) => {
      script = believing(make(seed));
    },
    act: async (observation) => {
      const { cubes, layout } = await probe.measure(newestFrame(observation));
      return (script as ReturnType<typeof believing>).act({ tip: tipOf(observation), cubes, layout });
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
