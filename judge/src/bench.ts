// What a study works with: the subject, reality beside it, the probe that reads both, and the policies.

import { type Env, type EnvSpec, OptionError } from "@worldstep/protocols";
import type { PolicyFolder } from "@worldstep/sdk/policies";
import {
  createSimulator,
  differenceOf,
  openProbe,
  readPolicies,
  type Simulator,
  simulatorSpec,
  sizeBeside,
  type TabletopProbe,
} from "@worldstep/tabletop";
import type { Subject } from "./subject.js";

export interface Settings {
  /** Which held-out episodes. */
  readonly seed: number;
  /** Folder of the policies to rank; see `readPolicies`. */
  readonly policies: string;
  /** In (0, 1]: how many experiments, and how long ones, of what a full judgement takes. */
  readonly scale: number;
  /** Open-loop rollouts, where another number than usual is wanted. */
  readonly rollouts?: number;
}

/** `count` experiments of a full judgement at the scale of `settings`: at least 2, so that there is an interval. */
export function scaled(count: number, { scale }: Settings): number {
  return Math.max(2, Math.round(count * scale));
}

export class Bench {
  private constructor(
    readonly settings: Settings,
    readonly subject: Subject,
    /** One env of the subject. */
    readonly env: Env,
    /**
     * Reality: the simulator, with some starts that have cubes on one another, in the bin or in the grasp. Of a tick it
     * draws the newest frame alone: whatever reads or acts looks at no other.
     */
    readonly reality: Simulator,
    /** The same with every frame, for who compares clips. */
    readonly filmed: Simulator,
    /** Another one without such starts, for what happens beside an episode of reality. */
    readonly twin: Simulator,
    readonly probe: TabletopProbe,
    readonly folder: PolicyFolder,
    /** Pixels along each side of a frame. */
    readonly size: number,
  ) {}

  /**
   * Takes over `subject`: `close` closes it. Throws `OptionError` (`eval_world_unfit`), and what `readPolicies` and
   * `openProbe` throw.
   */
  static async open(subject: Subject, settings: Settings): Promise<Bench> {
    const size = sizeBeside(subject.spec);
    checkAlike(subject.spec, size);
    const [folder, probe] = [await readPolicies(settings.policies), await openProbe(size)];
    const [reality, filmed, twin] = [
      await createSimulator({ size, varied: true, newestOnly: true }),
      await createSimulator({ size, varied: true }),
      await createSimulator({ size, newestOnly: true }),
    ];
    return new Bench(settings, subject, await subject.open(), reality, filmed, twin, probe, folder, size);
  }

  async close(): Promise<void> {
    await this.env.close();
    const others = [this.reality, this.filmed, this.twin, this.probe, this.subject];
    await Promise.all(others.map((one) => one.close()));
  }
}

/** Whether a world shows and takes what a simulator of that size does. */
function checkAlike(world: EnvSpec, size: number): void {
  const difference = differenceOf(world, simulatorSpec({ size }));
  if (difference === undefined) return;
  const { what, world: has, simulator } = difference;
  throw new OptionError(
    "eval_world_unfit",
    `the world's ${what} is ${JSON.stringify(has)}; the judge's simulator has ${JSON.stringify(simulator)}`,
    "judge worlds of the tabletop",
    { [what]: has },
  );
}
