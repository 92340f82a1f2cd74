// sdk/python/worldstep/table.py: what the Python client knows of the wire.
import { msgpackCodec } from "../src/codec.js";
import { CLASSES, CLOSE_CODES } from "../src/error-table.js";
import { LASTING, MAX_HEADER_BYTES, MESSAGES, PROTOCOL } from "../src/fields.js";

const DTYPES = { uint8: "u1", int32: "<i4", float32: "<f4" };

export function pythonTable(): string {
  const { fields, tensors } = MESSAGES.reset;
  const options = Object.keys(fields).filter((name) => !["id", "session", "seed"].includes(name));
  const replies = Object.values(MESSAGES).flatMap((row) => ("reply" in row ? [row.reply] : []));
  const opening = replies.filter((type) => "token" in MESSAGES[type].fields);
  return `"""What the client knows of the wire: written by \`npm run derive\`, from protocols/src. Don't edit it."""

PROTOCOL = ${quoted(PROTOCOL)}
SUBPROTOCOL = ${quoted(msgpackCodec.subprotocol)}
MAX_HEADER_BYTES = ${MAX_HEADER_BYTES}

# Of tensors, as numpy writes them.
DTYPES = ${dict(Object.entries(DTYPES).map(([name, type]) => [quoted(name), quoted(type)]))}

# Options of a reset by their names here: of fields the name on the wire, of tensors the dtype and the number of dimensions.
RESET_FIELDS = ${dict(options.map((name) => [quoted(snake(name)), quoted(name)]))}
RESET_TENSORS = ${dict(
    Object.entries(tensors).map(([name, { dtype, shape }]) => [
      quoted(snake(name)),
      `(${quoted(dtype)}, ${shape.split(",").length})`,
    ]),
  )}

# Replies that bring a new session, with its token.
OPENING = ${tuple(opening.map(quoted))}

# What of a world must stay as it was while an env of it lives.
LASTING = ${tuple(LASTING.map(quoted))}

# WebSocket close codes that say that what we sent was wrong: to send it again would only repeat that.
OUR_FAULT = ${tuple([...new Set(Object.values(CLOSE_CODES))].sort().map(String))}

# The class of an error, by how its code starts; of any other it is WorldstepError.
CLASSES = ${dict(Object.entries(CLASSES).map(([start, name]) => [quoted(start), quoted(name)]))}
`;
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

function tuple(items: readonly string[]): string {
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
}

function dict(items: readonly (readonly [string, string])[]): string {
  return `{\n${items.map(([key, value]) => `    ${key}: ${value},\n`).join("")}}`;
}
