// `worldstep eval`: how good a world is, measured on held-out seeds of the simulator.
import { OptionError } from "@worldstep/protocols";
import { Command } from "commander";
import { formatMetrics } from "./metrics.js";
import { wholeNumber } from "./numbers.js";
import { progressBar } from "./progress.js";

const ROLLOUTS = 64;
const DRIFT_ROLLOUTS = 4;

interface Options {
  readonly seed: number;
  readonly rollouts?: number;
  readonly nfe?: number;
  readonly drift: boolean;
  readonly json: boolean;
  readonly threads?: number;
}

export function evalCommand(): Command {
  return new Command("eval")
    .description(
      "Judge a world against the simulator, on seeds that no training episode has; 95 % bootstrap intervals.",
    )
    .argument("<world>", "folder of the world")
    .option("--seed <n>", "which held-out episodes", wholeNumber(0, 1000), 1)
    .option("--rollouts <n>", `how many; default ${ROLLOUTS}, with --drift ${DRIFT_ROLLOUTS}`, wholeNumber(2, 10_000))
    .option("--nfe <n>", "denoiser evaluations a tick, instead of the world's default", wholeNumber(1))
    .option("--drift", "ten minutes of play a rollout: are picture and response still right?", false)
    .option("--threads <n>", "threads of the engine", wholeNumber(1, 256))
    .option("--json", "print one JSON object, as the last line", false)
    .action(run);
}

async function run(folder: string, options: Options): Promise<void> {
  const { openWorld } = await import("@worldstep/engine");
  const world = await openWorld(folder, options.threads === undefined ? {} : { threads: options.threads });
  const { max } = world.spec.nfe ?? { max: 1 };
  if (options.nfe !== undefined && options.nfe > max) {
    throw new OptionError("option_nfe", `--nfe is ${options.nfe}`, `the world takes at most ${max}`, { max });
  }
  const rollouts = options.rollouts ?? (options.drift ? DRIFT_ROLLOUTS : ROLLOUTS);
  const judged = { seed: options.seed, rollouts, nfe: options.nfe };
  const progress = progressBar("eval", options.drift ? "ticks" : "rollouts");
  try {
    const metrics = options.drift
      ? await (await import("./eval-drift.js")).evalDrift(world, judged, progress)
      : await (await import("./eval-rollouts.js")).evalRollouts(world, judged, progress);
    progress.stop();
    process.stdout.write(formatMetrics(metrics, options.json));
  } finally {
    progress.stop();
    await world.close();
  }
}
