// `worldstep doctor`: what this machine has, what is missing, and what to do about it.
import { Command } from "commander";
import { type Check, machineChecks, packageChecks, programChecks, pythonChecks, worldCheck } from "./doctor-checks.js";
import { SHIPPED_WORLD } from "./shipped.js";

interface Options {
  readonly world: string;
  readonly json: boolean;
}

export function doctorCommand(): Command {
  return new Command("doctor")
    .description("Say what this machine has and what is missing. Exits with 1 if something is missing that is needed.")
    .option("--world <path>", "world to check, a folder, URL or id: its files, and one tick of it", SHIPPED_WORLD)
    .option("--json", "print one JSON object {ok, checks: [{name, ok, required, found, remedy?}]}", false)
    .action(run);
}

async function run({ world, json }: Options): Promise<void> {
  const checks = [
    ...(await machineChecks()),
    ...(await packageChecks()),
    await worldCheck(world),
    ...(await programChecks()),
    ...(await pythonChecks()),
  ];
  const ok = checks.every((check) => check.ok || !check.required);
  process.stdout.write(json ? `${JSON.stringify({ ok, checks })}\n` : checks.map(describe).join(""));
  if (!ok) process.exitCode = 1;
}

function describe({ name, ok, required, found, remedy }: Check): string {
  const status = ok ? "ok" : required ? "MISSING" : "missing";
  const line = `${status.padEnd(8)} ${name.padEnd(17)} ${found}\n`;
  return ok || remedy === undefined ? line : `${line}${" ".repeat(27)}${required ? "" : "optional: "}${remedy}\n`;
}
