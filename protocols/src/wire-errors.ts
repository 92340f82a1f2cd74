// Errors as they travel, and back: a code, what happened, the remedy and the facts.
import { checkFields } from "./check.js";
import { CLASSES } from "./error-table.js";
import {
  ActionError,
  type ErrorFacts,
  OptionError,
  ProtocolError,
  ResetNeededError,
  ShapeError,
  SnapshotError,
  WorldError,
  WorldFileError,
} from "./errors.js";
import { ENVELOPE } from "./fields.js";
import type { ErrorMessage } from "./messages.js";
import { cut } from "./shown.js";

const FACTS = { facts: ENVELOPE.facts };
// An error is much smaller than the largest header, however its text is escaped: it can always be sent.
const LONGEST_TEXT = 2000;
const LONGEST_FACT = 1000;
const LONGEST_FACTS = 32_000;

export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly facts: ErrorFacts;
}

/** What a peer may know of `error`: all of a `WorldError`, and of any other only that there was one (`internal`). */
export function errorToWire(error: unknown): WireError {
  if (!(error instanceof WorldError)) return INTERNAL;
  const { code, summary, remedy, facts } = error;
  return { code, message: cut(summary, LONGEST_TEXT), remedy: cut(remedy, LONGEST_TEXT), facts: wireFacts(facts) };
}

/** What is said where nothing else can be. */
export const INTERNAL: WireError = {
  code: "internal",
  message: "the server failed; the cause is in its log",
  remedy: "retry once; report it if it stays",
  facts: {},
};

/** What of `facts` travels: never throws, because whoever sends an error has no other way to say so. */
function wireFacts(facts: ErrorFacts): ErrorFacts {
  try {
    // Through JSON first, because facts may hold undefined, NaN or class instances.
    const json = JSON.stringify(facts, (_, value) => (typeof value === "string" ? cut(value, LONGEST_FACT) : value));
    if (json.length > LONGEST_FACTS) return {};
    return checkFields(FACTS, { facts: JSON.parse(json) }, false).facts as ErrorFacts;
  } catch {
    return {};
  }
}

type ErrorClass = new (code: string, summary: string, remedy: string, facts: ErrorFacts) => WorldError;

// Those whose constructors take other facts are made above all others.
const CONSTRUCTORS: Readonly<Partial<Record<(typeof CLASSES)[keyof typeof CLASSES], ErrorClass>>> = {
  ActionError,
  OptionError,
  WorldFileError,
  ProtocolError,
  SnapshotError,
};

/** The error that the peer threw, of the same class. */
export function errorFromWire(wire: WireError | ErrorMessage): WorldError {
  const { code, message, remedy, facts } = wire;
  if (code === "reset_needed" && (facts.why === "never_reset" || facts.why === "episode_ended")) {
    return new ResetNeededError(facts.why, typeof facts.call === "string" ? facts.call : undefined);
  }
  if (code === "shape_mismatch" && Array.isArray(facts.expected) && Array.isArray(facts.got)) {
    return new ShapeError(String(facts.what), facts.expected, facts.got);
  }
  const [, name] = Object.entries(CLASSES).find(([start]) => code.startsWith(start)) ?? [];
  const Class = (name && CONSTRUCTORS[name]) || WorldError;
  return new Class(code, message, remedy, facts);
}
