#!/usr/bin/env node
// The `worldstep` command: runs what was asked for, and says plainly what went wrong.
import { reportFailure } from "./failure.js";
import { createProgram } from "./program.js";

const program = createProgram();
try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(reportFailure(error, program.opts().verbose === true));
  process.exit(1);
}
