// Errors as they travel, and back: a code, what happened, the remedy and the facts.
import { checkFields } from "./check.js";
import {
  ActionError,
  type ErrorFacts,
  OptionError,
  ProtocolError,
  ResetNeededError,
  ShapeError,
  WorldError,
  WorldFileError,
} from "./errors.js";
import { ENVELOPE } from "./fields.js";
import type { ErrorMessage } from "./messages.js";

const FACTS = { facts: ENVELOPE.facts };

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly facts: ErrorFacts;
}

/** What a peer may know of `error`: all of a `WorldError`, and of any other only that there was one (`internal`). */
export function errorToWire(error: unknown): WireError {
  if (!(error instanceof WorldError)) {
    return {
      code: "internal",
      message: "the server failed; the cause is in its log",
      remedy: "retry once; report it if it stays",
      facts: {},
    };
  }
  const { code, summary: message, remedy, facts } = error;
  return { code, message, remedy, facts: wireFacts(facts) };
}

/** What of `facts` travels: never throws, because whoever sends an error has no other way to say so. */
function wireFacts(facts: ErrorFacts): ErrorFacts {
  try {
    // Through JSON first, because facts may hold undefined, NaN or class instances.
    return checkFields(FACTS, { facts: JSON.parse(JSON.stringify(facts)) }, false).facts as ErrorFacts;
  } catch {
    return {};
  }
}

type ErrorClass = new (code: string, summary: string, remedy: string, facts: ErrorFacts) => WorldError;

const CLASSES: readonly (readonly [codePrefix: string, ErrorClass])[] = [
  ["action_", ActionError],
  ["option_", OptionError],
  ["world_", WorldFileError],
  ["message_", ProtocolError],
  ["tensor_", ProtocolError],
  ["tick_", ProtocolError],
  ["session_", ProtocolError],
  ["stream_", ProtocolError],
  ["request_", ProtocolError],
  ["connection_", ProtocolError],
];

/** The error that the peer threw, of the same class. */
export function errorFromWire(wire: WireError | ErrorMessage): WorldError {
  const { code, message, remedy, facts } = wire;
  if (code === "reset_needed" && (facts.why === "never_reset" || facts.why === "episode_ended")) {
    return new ResetNeededError(facts.why);
  }
  if (code === "shape_mismatch" && Array.isArray(facts.expected) && Array.isArray(facts.got)) {
    return new ShapeError(String(facts.what), facts.expected, facts.got);
  }
  const [, Class] = CLASSES.find(([prefix]) => code.startsWith(prefix)) ?? ["", WorldError];
  return new Class(code, message, remedy, facts);
}
