// Every error that a user of worldstep can meet. A code, the facts, and what to do about it; docs/errors.md lists the
// codes. An error crosses the wire as its code, message, facts and remedy, and is a `WorldError` again on the other side.

export type ErrorFacts = Readonly<Record<string, unknown>>;

/** Root of all errors. `code` is stable; `summary` says what happened; `remedy` says what to do; `message` is all three. */
export class WorldError extends Error {
  override readonly name: string = "WorldError";

  constructor(
    readonly code: string,
    readonly summary: string,
    readonly remedy: string,
    readonly facts: ErrorFacts = {},
    options?: ErrorOptions,
  ) {
    super(`${summary} (${code}): ${remedy}`, options);
  }
}

/** A tensor has another shape than the one that was asked for. */
export class ShapeError extends WorldError {
  override readonly name = "ShapeError";

  constructor(what: string, expected: readonly (number | string)[], got: readonly number[]) {
    super("shape_mismatch", `${what}: expected [${brief(expected)}], got [${brief(got)}]`, "send that shape", {
      what,
      expected: expected.slice(0, AXES),
      got: got.slice(0, AXES),
    });
  }
}

/** No shape has more: what has is numbers that were taken for one. */
const AXES = 16;

function brief(shape: readonly (number | string)[]): string {
  return shape.length > AXES ? `${shape.slice(0, AXES).join(", ")}, .. ${shape.length} numbers` : shape.join(", ");
}

/** An action is not in the action space: `action_shape`, `action_not_finite`, `action_out_of_range` or `action_chunk`. */
export class ActionError extends WorldError {
  override readonly name = "ActionError";
}

/** `step` came before `reset`, or after the episode ended; or `call` came before it. */
export class ResetNeededError extends WorldError {
  override readonly name = "ResetNeededError";

  constructor(why: "never_reset" | "episode_ended", call = "step") {
    super(
      "reset_needed",
      why === "never_reset" ? `${call}() before the first reset()` : `${call}() after the episode ended`,
      "call reset() first",
      { why, ...(call !== "step" && { call }) },
    );
  }
}

/** An argument of `reset`, `step` or a command is not usable: the code says which. */
export class OptionError extends WorldError {
  override readonly name = "OptionError";
}

/** The world on disk can't be used; `facts.file` names the file. Codes start with `world_`. */
export class WorldFileError extends WorldError {
  override readonly name = "WorldFileError";
}

/** A snapshot can't be restored here. Codes start with `snapshot_`. */
export class SnapshotError extends WorldError {
  override readonly name = "SnapshotError";
}

/** The peer broke the protocol, or the connection was lost. */
export class ProtocolError extends WorldError {
  override readonly name = "ProtocolError";
}
