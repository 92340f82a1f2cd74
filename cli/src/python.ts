// Which Python to ask. None of the commands needs one; some do more with it.

/** `$WORLDSTEP_PYTHON`, or python3 on the path. */
export function pythonCommand(): string {
  return process.env.WORLDSTEP_PYTHON ?? "python3";
}
