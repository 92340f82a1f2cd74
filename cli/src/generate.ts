// `worldstep generate`: episodes of the simulator, for training.
import { Command } from "commander";
import { wholeNumber } from "./numbers.js";
import { readyFolder } from "./output.js";
import { progressBar } from "./progress.js";

interface Options {
  readonly episodes: number;
  readonly out: string;
  readonly seed: number;
  readonly size: number;
  readonly ticks: number;
  readonly workers?: number;
}

export function generateCommand(): Command {
  return new Command("generate")
    .description("Record episodes of scripted policies in the simulator, as shards for training.")
    .requiredOption("--episodes <n>", "how many episodes", wholeNumber(1))
    .requiredOption("--out <dir>", "folder for the shards and meta.json; made if absent")
    .requiredOption("--seed <n>", "data sets of different seeds share no episode", wholeNumber(0))
    .option("--size <pixels>", "sides of a frame, a multiple of 16", wholeNumber(16, 256, 16), 64)
    .option(
      "--ticks <n>",
      "length of an episode; of few, many scenes for single frames to be learnt from",
      wholeNumber(1, 1000),
      32,
    )
    .option("--workers <n>", "threads; default one a core; 0 for none beside the main thread", wholeNumber(0, 1024))
    .addHelpText(
      "after",
      [
        "",
        "For example:",
        "  worldstep generate --episodes 3200 --seed 1 --out data/train",
        "A run that was stopped goes on where it was: run the same command again.",
      ].join("\n"),
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  await readyFolder(options.out);
  const { generate } = await import("@worldstep/tabletop");
  const progress = progressBar("generate", "episodes");
  try {
    await generate({ ...options, onProgress: progress.update });
  } finally {
    progress.stop();
  }
  process.stdout.write(`${options.episodes} episodes in ${options.out}\n`);
}
