// The command line as a whole. Each subcommand has a file of its own, and loads what it runs only when it runs: help and
// `doctor` must work on a machine where the engine can't be loaded.
import { Command, Help, type HelpConfiguration, type Option } from "commander";
import { benchCommand } from "./bench.js";
import { doctorCommand } from "./doctor.js";
import { evalCommand } from "./eval.js";
import { generateCommand } from "./generate.js";
import { policyCommand } from "./policy.js";
import { rolloutCommand } from "./rollout.js";
import { serveCommand } from "./serve.js";
import { ownVersion } from "./versions.js";

/** The command `worldstep` with all its subcommands; `parseAsync` runs one. */
export function createProgram(): Command {
  const commands = [
    serveCommand(),
    generateCommand(),
    rolloutCommand(),
    policyCommand(),
    evalCommand(),
    benchCommand(),
    doctorCommand(),
  ];
  const program = new Command("worldstep")
    .description("A learned robot simulator that you reset() and step().")
    .version(ownVersion())
    .option("--verbose", "on an error, print where it came from");
  for (const command of commands) {
    program.addCommand(command.showHelpAfterError("(add --help for what there is)"));
    for (const one of [command, ...command.commands]) one.configureHelp(HELP);
  }
  return program;
}

const HELP: HelpConfiguration = {
  showGlobalOptions: true,
  optionDescription(option: Option): string {
    const description = Help.prototype.optionDescription.call(this, option);
    return option.mandatory ? `${description} (required)` : description;
  },
};
