// What a study works with: the subject, reality beside it, the ruler that reads both, and the policies.
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type PolicyFolder, Ruler, readPolicies, TABLETOP } from "@worldstep/policies";
import { type Env, type EnvSpec, OptionError } from "@worldstep/protocols";
import { createSimulator, type Simulator } from "@worldstep/simulator";
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
    /** Reality: the simulator, with some starts that have cubes on one another, in the bin or in the grasp. */
    readonly reality: Simulator,
    /** Another one, for what happens beside an episode of reality. */
    readonly twin: Simulator,
    readonly ruler: Ruler,
    readonly folder: PolicyFolder,
    /** Pixels along each side of a frame. */
    readonly size: number,
  ) {}

  /** Takes over `subject`: `close` closes it. Throws `OptionError` (`eval_world_unfit`), and what `readPolicies` throws. */
  static async open(subject: Subject, settings: Settings): Promise<Bench> {
    const folder = await readPolicies(settings.policies);
    const ruler = await Ruler.open(join(TABLETOP, "ruler.onnx"));
    const { size } = ruler;
    const [reality, twin] = [await createSimulator({ size, varied: true }), await createSimulator({ size })];
    checkAlike(subject.spec, twin.spec);
    return new Bench(settings, subject, await subject.open(), reality, twin, ruler, folder, size);
  }

  async close(): Promise<void> {
    await this.env.close();
    await Promise.all([this.reality.close(), this.twin.close(), this.ruler.close(), this.subject.close()]);
  }
}

/** Whether a world shows and takes what the simulator does. */
function checkAlike(world: EnvSpec, simulator: EnvSpec): void {
  const interfaceOf = ({ observationSpace, actionSpace, proprioception, stride, fps }: EnvSpec) => ({
    frames: observationSpace.spaces.frames?.shape,
    actions: actionSpace.shape,
    proprioception,
    stride,
    fps,
  });
  const [own, wanted] = [interfaceOf(world), interfaceOf(simulator)];
  for (const [key, value] of Object.entries(wanted)) {
    const has = own[key as keyof typeof own];
    if (isDeepStrictEqual(has, value)) continue;
    throw new OptionError(
      "eval_world_unfit",
      `the world's ${key} is ${JSON.stringify(has)}; the judge's simulator has ${JSON.stringify(value)}`,
      "judge worlds of the tabletop",
      { [key]: has },
    );
  }
}
