// `worldstep policy`: a policy of a folder behind a socket, for clients of openpi.
import { OptionError } from "@worldstep/protocols";
import type { ScoredTask } from "@worldstep/tabletop";
import { Command, Option } from "commander";
import { reportFailure } from "./failure.js";
import { openLog } from "./log.js";
import { wholeNumber } from "./numbers.js";
import { stopSignal } from "./signals.js";
import { warnOfShortToken } from "./token.js";

interface Options {
  readonly name: string;
  readonly task: string;
  readonly size: number;
  readonly probe?: string;
  readonly port: number;
  readonly host: string;
  readonly seed: number;
  readonly token?: string;
  readonly allowOrigin: readonly string[];
}

export function policyCommand(): Command {
  return new Command("policy")
    .description("Serve a policy to clients of openpi's WebSocket protocol, until Ctrl-C.")
    .argument("[folder]", "folder with a policies.json; default the tabletop's policies that come with worldstep")
    .requiredOption("--name <name>", "which of the folder's policies")
    .requiredOption("--task <task>", "what it is to do: one of the tabletop's tasks")
    .option("--size <pixels>", "sides of the frames that it is shown: those of the world", wholeNumber(1), 64)
    .option(
      "--probe <file>",
      "the network by which it sees the scene, for frames of the size that it reads; default the tabletop's for --size",
    )
    .option("--port <n>", "TCP port; 0 for any that is free", wholeNumber(0, 65_535), 8000)
    .option("--host <address>", "address to listen on; 0.0.0.0 for every network this machine is in", "127.0.0.1")
    .addOption(new Option("--token <text>", "what clients have to bring, as their API key").env("WORLDSTEP_TOKEN"))
    .option("--allow-origin <origin...>", "sites whose pages may connect; * for any", [])
    .option("--seed <n>", "of the first connection's policy; each later connection's is the next", wholeNumber(0), 0)
    .action(run);
}

async function run(given: string | undefined, all: Options): Promise<void> {
  const { name, task: wanted, size, probe: file, allowOrigin: allowedOrigins, ...options } = all;
  const { openProbe, readPolicies, TabletopProbe, simulatorSpec, TABLETOP } = await import("@worldstep/tabletop");
  const { servePolicy } = await import("@worldstep/sdk/policies");
  const folder = await readPolicies(given ?? TABLETOP);
  const entry = folder.policies.find((policy) => policy.name === name);
  if (entry === undefined) {
    const policies = folder.policies.map((policy) => policy.name);
    throw new OptionError("option_policy", `no policy "${name}"`, `use one of ${policies.join(", ")}`, { policies });
  }
  const task = await taskOf(wanted, entry.tasks);
  const probe = file === undefined ? await openProbe(size) : await TabletopProbe.open(file);
  const spec = simulatorSpec({ size: probe.size });
  const open = () => folder.open(entry, task, spec, probe);
  await (await open()).close(); // one that can't be opened is found now, not by the first client
  const log = openLog();
  warnOfShortToken(options.token, log);
  const server = await servePolicy(open, spec, {
    ...options,
    allowedOrigins,
    metadata: { policy: name, task },
    onError: (error) => log.write(reportFailure(error, false)),
  });
  process.stdout.write(`websocket  ${server.url}\npolicy     ${name}, for ${task}\n`);

  await stopSignal();
  await server.close();
  await probe.close();
  process.exit(); // a policy that did not answer would keep the process
}

async function taskOf(wanted: string, suited: readonly ScoredTask[] | undefined): Promise<ScoredTask> {
  const { SCORED_TASKS } = await import("@worldstep/tabletop");
  const tasks = suited ?? SCORED_TASKS;
  const task = tasks.find((name) => name === wanted);
  if (task === undefined) {
    const remedy = `use one of ${tasks.join(", ")}`;
    throw new OptionError("option_task", `the policy knows no task "${wanted}"`, remedy, { tasks });
  }
  return task;
}
