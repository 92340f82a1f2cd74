// Long play: does the picture stay a picture, and does the arm still answer, after ten minutes of dreaming?
//
// Relative actions integrate, so the pose itself may wander. What is held against the simulator is the response: from a
// late tick on, the displacement of the end effector under the next ten ticks of actions, with the simulator set to the
// pose that the probe reads there. And the picture: how far the features that the probe sees in late dreamed frames are
// from those of real frames, over the same early on.
import type { OpenWorld, Reading } from "@worldstep/engine";
import { byteTensor, OptionError } from "@worldstep/protocols";
import { createSimulator, heldOutSeed, playPolicy, recordEpisode } from "@worldstep/simulator";
import type { EvalOptions } from "./eval-rollouts.js";
import { bootstrap, distance, mean } from "./eval-statistics.js";
import type { Metrics } from "./metrics.js";
import type { Progress } from "./progress.js";

const LATE = 3000;
const EARLY = 30;
/** Ticks on either side of EARLY and LATE whose frames are looked at. */
const AROUND = 15;
/** Ticks of a response, and how many of them follow each other from LATE on. */
const RESPONSE = 10;
const RESPONSES = 10;
const LAST = LATE + RESPONSE * RESPONSES;
/** Held-out episodes, beyond those that are dreamed, whose frames say what real ones look like. */
const BANK = 48;
const CM = 100;

interface Sample {
  readonly early: number;
  readonly late: number;
  readonly responses: readonly number[];
}

export async function evalDrift(world: OpenWorld, options: EvalOptions, progress: Progress): Promise<Metrics> {
  const { rollouts, seed, nfe } = options;
  const { stride } = world.spec;
  const { height: size, width } = world.world.frame;
  const [simulator, twin] = [await createSimulator({ size, varied: true }), await createSimulator({ size })];
  const [env, probe] = [await world.open(), await world.probe()];
  const frameBytes = size * width * 3;
  const newest = (frames: Uint8Array) => frames.slice(-frameBytes);

  const bank: Float32Array[] = [];
  for (let i = 0; i < BANK; i++) {
    const { frames } = await recordEpisode(simulator, heldOutSeed(seed, rollouts + i));
    for (let at = 0; at < frames.length; at += frameBytes * stride) {
      bank.push((await probe.read(frames.slice(at, at + frameBytes))).features);
    }
  }
  const fromReal = (reading: Reading) => Math.min(...bank.map((features) => distance(features, reading.features)));

  const samples: Sample[] = [];
  for (let i = 0; i < rollouts; i++) {
    const episodeSeed = heldOutSeed(seed, i);
    const policy = playPolicy(episodeSeed);
    const { observation } = await simulator.reset({ seed: episodeSeed, task: "play", maxTicks: 0 });
    const first = newest(observation.frames.data);
    const { proprioception } = observation;
    await env.reset({ seed: episodeSeed, frames: byteTensor(first, [1, size, width, 3]), proprioception, maxTicks: 0 });
    const actions: Float32Array[] = [];
    const late: Reading[] = [];
    const distances = { early: [] as number[], late: [] as number[] };
    for (let tick = 1; tick <= LAST; tick++) {
      const action = policy.act(simulator.state());
      await simulator.step(action);
      const step = await env.step(action, nfe === undefined ? {} : { nfe });
      const [isEarly, isLate] = [Math.abs(tick - EARLY) <= AROUND, Math.abs(tick - LATE) <= AROUND];
      if (tick >= LATE) actions.push(action);
      if (isEarly || isLate || (tick >= LATE && tick % RESPONSE === 0)) {
        const reading = await probe.read(newest(step.observation.frames.data));
        if (reading.features.some(Number.isNaN)) throw collapsed(tick);
        if (isEarly) distances.early.push(fromReal(reading));
        if (isLate) distances.late.push(fromReal(reading));
        if (tick >= LATE && tick % RESPONSE === 0) late.push(reading);
      }
      if (tick % 20 === 0) progress.update(i * LAST + tick, rollouts * LAST);
    }
    const responses: number[] = [];
    await twin.reset({ seed: episodeSeed, task: "play", maxTicks: 0 });
    for (let k = 0; k < RESPONSES; k++) {
      const [before, after] = [late[k]?.state, late[k + 1]?.state] as [Float32Array, Float32Array];
      const [x, y, z, yaw, opening] = before as unknown as [number, number, number, number, number];
      twin.setTip({ x, y, z, yaw, opening });
      const start = twin.state().tip;
      for (let t = 1; t <= RESPONSE; t++) await twin.step(actions[k * RESPONSE + t] as Float32Array);
      const end = twin.state().tip;
      const real = [end.x - start.x, end.y - start.y, end.z - start.z];
      const dreamed = [0, 1, 2].map((axis) => (after[axis] as number) - (before[axis] as number));
      responses.push(distance(real, dreamed) * CM);
    }
    samples.push({ early: mean(distances.early), late: mean(distances.late), responses });
  }
  await Promise.all([env.close(), probe.close(), simulator.close(), twin.close()]);

  const share = (drawn: readonly Sample[]) => mean(drawn.map((s) => s.late)) / mean(drawn.map((s) => s.early));
  return {
    ticksPlayed: { value: LAST, unit: "ticks", n: rollouts },
    lateResponseError: bootstrap(samples, "cm", seed, (drawn) => mean(drawn.flatMap((s) => s.responses))),
    lateFidelity: bootstrap(samples, "ratio", seed, share),
  };
}

function collapsed(tick: number): OptionError {
  return new OptionError(
    "eval_collapsed",
    `the dream has no finite picture at tick ${tick}`,
    "train the world longer",
    {
      tick,
    },
  );
}
