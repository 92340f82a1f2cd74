// An error is the same error on the other side of the wire.
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, msgpackCodec, protobufCodec } from "./codec.js";
import {
  ActionError,
  OptionError,
  ProtocolError,
  ResetNeededError,
  ShapeError,
  SnapshotError,
  WorldError,
  WorldFileError,
} from "./errors.js";
import type { ErrorMessage } from "./messages.js";
import { errorFromWire, errorToWire } from "./wire-errors.js";

const ERRORS = [
  new ActionError("action_out_of_range", "action element 3 is 7", "clip the action", { index: 3, value: 7 }),
  new OptionError("option_task", "no task fly", "use one of the list", { tasks: ["reach"] }),
  new WorldFileError("world_hash_mismatch", "the hash differs", "copy the file again", { file: "a.safetensors" }),
  new ProtocolError("tick_out_of_order", "expected tick 3", "send the expected tick", { expected: 3, got: 5 }),
  new ResetNeededError("never_reset"),
  new ResetNeededError("episode_ended"),
  new ResetNeededError("never_reset", "fork"),
  new SnapshotError("snapshot_world", "a snapshot of another world", "open that", { got: "a", expected: "b" }),
  new ShapeError("frames", ["F", 64, 64, 3], [1, 2]),
  new WorldError("capacity_sessions", "the server is full", "close a session", { maxSessions: 8 }),
];

describe.each([msgpackCodec, protobufCodec])("over $subprotocol", (codec) => {
  it.each(ERRORS.map((error) => [error.code, error] as const))("%s keeps class, message and facts", (_, error) => {
    const message: ErrorMessage = { type: "error", id: 1, ...errorToWire(error), tensors: {} };
    const back = errorFromWire(decodeMessage(codec, encodeMessage(codec, message)) as ErrorMessage);
    expect(back.constructor).toBe(error.constructor);
    expect(back.message).toBe(error.message);
    expect({ ...back }).toEqual({ ...error });
  });
});

it("numbers that were taken for a shape are not all told", () => {
  const { message, facts } = new ShapeError("data", new Array(200_000).fill(0), [2, 3]);
  expect(message).toContain("0, .. 200000 numbers], got [2, 3]");
  expect(message.length).toBeLessThan(200);
  expect(facts.expected).toEqual(new Array(16).fill(0));
});

it("tells a peer nothing of an unexpected failure", () => {
  const wire = errorToWire(new TypeError("secret path /home/x"));
  expect(wire.code).toBe("internal");
  expect(JSON.stringify(wire)).not.toContain("secret");
});

it("sends facts that are no JSON as what JSON makes of them", () => {
  const error = new WorldError("x", "m", "r", { a: undefined, b: Number.NaN, c: Float32Array.of(1) });
  expect(errorToWire(error).facts).toEqual({ b: null, c: { 0: 1 } });
});

it("is small whatever it quotes, and well-formed", () => {
  const list = Array.from({ length: 10_000 }, (_, i) => `start ${i}`);
  const wire = errorToWire(
    new WorldError("option_start", "x".repeat(1e6), "\ud800".repeat(1e6), { list, x: "y".repeat(1e6) }),
  );
  expect([wire.message.length, wire.remedy, wire.facts]).toEqual([2000, `${"\ufffd".repeat(1999)}…`, {}]);
  const facts = { short: ["a"], long: "y".repeat(5000) };
  expect(errorToWire(new WorldError("x", "m", "r", facts)).facts).toEqual({
    short: ["a"],
    long: `${"y".repeat(999)}…`,
  });
});
