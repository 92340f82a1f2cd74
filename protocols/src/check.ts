// Checks a decoded or a to-be-encoded header against the table in fields.ts, and builds a clean copy of it. Nothing that
// came from a peer is used before it went through here.
import { type ErrorFacts, ProtocolError } from "./errors.js";
import type { Fields, Kind } from "./kinds.js";
import { shown } from "./shown.js";

/** A message that can't be used. `requestId` is the id that it carried, where that much could be read. */
export class MessageError extends ProtocolError {
  constructor(
    code: string,
    message: string,
    remedy: string,
    facts: ErrorFacts,
    readonly requestId?: number,
  ) {
    super(code, message, remedy, facts);
  }

  withRequestId(id: number): MessageError {
    return new MessageError(this.code, this.summary, this.remedy, this.facts, id);
  }
}

const MAX_JSON_DEPTH = 16;

/**
 * The fields of `value` that `fields` names, each checked. Throws `MessageError` (`message_field_missing`,
 * `message_field_invalid`, and, unless `ignoreUnknown`, `message_unknown_field`) at the first that is wrong.
 * A field that is undefined is absent.
 */
export function checkFields(
  fields: Fields,
  value: Readonly<Record<string, unknown>>,
  ignoreUnknown: boolean,
  path = "",
): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const got = Object.hasOwn(value, name) ? value[name] : undefined;
    if (got !== undefined) {
      clean[name] = checkKind(field.kind, got, ignoreUnknown, path + name);
    } else if (field.absent !== undefined) {
      clean[name] = field.absent;
    } else if (!field.optional) {
      throw new MessageError("message_field_missing", `field ${path}${name} is missing`, "send it", {
        field: path + name,
      });
    }
  }
  if (!ignoreUnknown) {
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(fields, name) && value[name] !== undefined) {
        const field = path + shown(name);
        throw new MessageError("message_unknown_field", `there is no field ${field}`, "leave it out", { field });
      }
    }
  }
  return clean;
}

function checkKind(kind: Kind, value: unknown, ignoreUnknown: boolean, path: string): unknown {
  switch (kind.kind) {
    case "uint":
      if (Number.isSafeInteger(value) && (value as number) >= 0) return value;
      throw invalid(path, "a whole number in [0, 2^53)");
    case "number":
      if (Number.isFinite(value)) return value;
      throw invalid(path, "a finite number");
    case "bound":
      if (typeof value === "number" && !Number.isNaN(value)) return value;
      throw invalid(path, "a number or an infinity");
    case "bool":
      if (typeof value === "boolean") return value;
      throw invalid(path, "true or false");
    case "string":
      if (isText(value)) return value;
      throw invalid(path, "a string");
    case "choice":
      if (typeof value === "string" && kind.of.includes(value)) return value;
      throw invalid(path, `one of ${kind.of.join(", ")}`);
    case "json":
      if (isPlainObject(value)) return checkJson(value, path, 0);
      throw invalid(path, "an object of JSON values");
    case "list":
      if (!Array.isArray(value)) throw invalid(path, "a list");
      if (kind.filled && value.length === 0) throw invalid(path, "a list with an item");
      return Array.from(value, (item, i) => checkKind(kind.of, item, ignoreUnknown, `${path}[${i}]`));
    case "map": {
      if (!isPlainObject(value)) throw invalid(path, "a map");
      const items = Object.entries(value).map(([key, item]) => {
        if (!isText(key)) throw invalid(path, "a map with string keys");
        return [key, checkKind(kind.of, item, ignoreUnknown, `${path}.${shown(key)}`)] as const;
      });
      if (kind.filled && items.length === 0) throw invalid(path, "a map with an entry");
      return Object.fromEntries(items);
    }
    case "struct":
      if (!isPlainObject(value)) throw invalid(path, "an object");
      return checkFields(kind.fields, value, ignoreUnknown, `${path}.`);
    default:
      return kind satisfies never;
  }
}

/** A copy of a JSON value; members that are undefined are left out, as `JSON.stringify` does. */
function checkJson(value: unknown, path: string, depth: number): unknown {
  if (value === null || typeof value === "boolean" || Number.isFinite(value) || isText(value)) return value;
  if (depth === MAX_JSON_DEPTH) throw invalid(path, `JSON at most ${MAX_JSON_DEPTH} deep`);
  if (Array.isArray(value)) return Array.from(value, (item) => checkJson(item, path, depth + 1));
  if (!isPlainObject(value))
    throw invalid(path, "JSON values: finite numbers, strings, booleans, null, lists, objects");
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([key, member]) => {
      if (!isText(key)) throw invalid(path, "JSON with well-formed keys");
      return [key, checkJson(member, path, depth + 1)];
    }),
  );
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

// A string with half of a surrogate pair has no UTF-8.
function isText(value: unknown): value is string {
  return typeof value === "string" && !/\p{Surrogate}/u.test(value);
}

function invalid(field: string, expected: string): MessageError {
  return new MessageError("message_field_invalid", `field ${field} is not ${expected}`, `send ${expected}`, {
    field,
    expected,
  });
}
