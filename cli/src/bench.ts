// `worldstep bench`: what steps, many sessions, forks, plans and the wire cost, what made steps fast, and what an adversary does to a client.
import { availableParallelism, loadavg } from "node:os";
import { Command, Option } from "commander";
import type { ForkBench } from "./bench-fork.js";
import type { GuardBench } from "./bench-guard.js";
import type { LadderBench } from "./bench-ladder.js";
import type { LoadBench } from "./bench-load.js";
import type { PlanBench } from "./bench-plan.js";
import type { StepBench } from "./bench-step.js";
import type { WireBench } from "./bench-wire.js";
import { formatMetrics } from "./metrics.js";
import { wholeNumber } from "./numbers.js";
import { SHIPPED_WORLD } from "./shipped.js";

interface Printed {
  readonly json: boolean;
}

export function benchCommand(): Command {
  return new Command("bench")
    .description("Measure this machine. Progress goes to stderr, results to stdout.")
    .addCommand(stepCommand())
    .addCommand(loadCommand())
    .addCommand(planCommand())
    .addCommand(forkCommand())
    .addCommand(ladderCommand())
    .addCommand(wireCommand())
    .addCommand(guardCommand());
}

function stepCommand(): Command {
  return new Command("step")
    .description("A dreamed world in this process: frames a second, step times, memory, and PyTorch beside it.")
    .option("--world <path>", "folder, URL or id of the world", SHIPPED_WORLD)
    .option("--ticks <n>", "length of the long session; lateOverEarly needs 3000", wholeNumber(200), 3000)
    .addOption(new Option("--precision <type>", "weights as they run; default fp32").choices(["fp32", "int8"]))
    .option("--threads <n>", "CPU threads, ours and PyTorch's; the engine chooses if absent", wholeNumber(1, 256))
    .option("--no-torch", "leave PyTorch out; else $WORLDSTEP_PYTHON or python3 is used where it has torch")
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: StepBench & Printed) => {
      warnOfLoad();
      const { benchStep } = await import("./bench-step.js");
      process.stdout.write(formatMetrics(await benchStep(options), json));
    });
}

function loadCommand(): Command {
  return new Command("load")
    .description("1, 8 and 64 sessions of a dreamed world, in this process and over one socket, with random actions.")
    .option("--world <dir>", "folder of the world", SHIPPED_WORLD)
    .option("--seconds <n>", "how long each throughput is measured; of 64 sessions thrice as long", wholeNumber(1), 4)
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: LoadBench & Printed) => {
      warnOfLoad();
      const { benchLoad } = await import("./bench-load.js");
      process.stdout.write(formatMetrics(await benchLoad(options), json));
    });
}

function planCommand(): Command {
  return new Command("plan")
    .description("Looking ahead: states alone beside MuJoCo without pictures, plans, forks, and 64 sockets.")
    .option("--world <path>", "folder, URL or id of the world", SHIPPED_WORLD)
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: PlanBench & Printed) => {
      warnOfLoad();
      const { benchPlan } = await import("./bench-plan.js");
      process.stdout.write(formatMetrics(await benchPlan(options), json));
    });
}

function forkCommand(): Command {
  return new Command("fork")
    .description("A session as a value: 64 forks of an old one, its snapshot, and going on from that.")
    .option("--world <path>", "folder, URL or id of the world", SHIPPED_WORLD)
    .option("--ticks <n>", "how old the session is", wholeNumber(1), 1000)
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: ForkBench & Printed) => {
      warnOfLoad();
      const { benchFork } = await import("./bench-fork.js");
      process.stdout.write(formatMetrics(await benchFork(options), json));
    });
}

function ladderCommand(): Command {
  return new Command("ladder")
    .description(
      "From a plain port to PyTorch to many sessions without pixels: what each rung gains in time, and loses in frames.",
    )
    .option("--world <path>", "folder or id of a world of the tabletop", SHIPPED_WORLD)
    .option("--ticks <n>", "how old the session is that is timed", wholeNumber(1), 30)
    .option("--nfe <n>", "evaluations a tick of the first rungs", wholeNumber(1, 50), 50)
    .option("--episodes <n>", "held-out episodes that each rung dreams", wholeNumber(1), 12)
    .option("--rounds <n>", "how often each rung is timed, all in turn", wholeNumber(1), 5)
    .option("--threads <n>", "CPU threads, ours and PyTorch's; the engine chooses if absent", wholeNumber(1, 256))
    .option(
      "--no-torch",
      "leave the rungs of PyTorch out; else $WORLDSTEP_PYTHON or python3 is used where it has torch",
    )
    .option("--json", "print one JSON object: ladder, a list of rungs, ladderTotal and ladderLossDb", false)
    .action(async ({ json, ...options }: LadderBench & Printed) => {
      warnOfLoad();
      const { benchLadder, formatLadder } = await import("./bench-ladder.js");
      const found = await benchLadder(options);
      process.stdout.write(json ? `${JSON.stringify(found)}\n` : formatLadder(found));
    });
}

function wireCommand(): Command {
  return new Command("wire")
    .description("A remote step over loopback against the same step in process; the env itself costs almost nothing.")
    .option("--ticks <n>", "steps for the overhead", wholeNumber(100), 2000)
    .option("--seconds <n>", "how long each throughput is measured", wholeNumber(1), 2)
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: WireBench & Printed) => {
      warnOfLoad();
      const { benchWire } = await import("./bench-wire.js");
      process.stdout.write(formatMetrics(await benchWire(options), json));
    });
}

function guardCommand(): Command {
  return new Command("guard")
    .description(
      "A client that steps, in peace and beside an adversary: fuzz, floods, header bombs, non-reading watchers, 5,000 connections.",
    )
    .option("--world <path>", "folder, URL or id of the world", SHIPPED_WORLD)
    .option("--ticks <n>", "length of the client's episode under each attack", wholeNumber(10), 200)
    .option("--json", "print one JSON object {metric: {value, unit, low?, high?, n?}}", false)
    .action(async ({ json, ...options }: GuardBench & Printed) => {
      warnOfLoad();
      const { benchGuard } = await import("./bench-guard.js");
      process.stdout.write(formatMetrics(await benchGuard(options), json));
    });
}

function warnOfLoad(): void {
  const [load = 0] = loadavg();
  if (load < 0.5 * availableParallelism()) return;
  process.stderr.write(`warning: the machine is busy (load ${load.toFixed(1)}): it can do better than these numbers\n`);
}
