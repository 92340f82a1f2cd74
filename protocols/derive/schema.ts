// worldstep.v1.proto.
import { ENVELOPE, PROTOCOL } from "../src/fields.js";
import type { Field, Fields, Kind } from "../src/kinds.js";
import { structsOf } from "./structs.js";

const HEAD = `// The header of every message under the WebSocket subprotocol "${PROTOCOL}.protobuf". docs/protocol.md says what
// the fields mean and which message has which; the tensors' bytes travel behind the header, not in it.
// Written by \`npm run derive\`, from src/fields.ts.
//
// Every singular field has presence: a field that a message has is written even when it is 0, false or "".
syntax = "proto3";

package ${PROTOCOL};
`;

export function schema(): string {
  const structs = structsOf(ENVELOPE).map(({ name, fields, reserved }) => message(name, fields, reserved));
  return [HEAD, message("Envelope", ENVELOPE), ...structs].join("\n");
}

function message(name: string, fields: Fields, reserved: Readonly<Record<number, string>> = {}): string {
  const lines = [
    ...Object.entries(fields).map(([field, { number, kind }]) => ({ number, text: line(field, number, kind) })),
    ...Object.entries(reserved).map(([number, what]) => ({ number: +number, text: `reserved ${number};  // ${what}` })),
  ];
  lines.sort((a, b) => a.number - b.number);
  return `message ${name} {\n${lines.map(({ text }) => `  ${text}\n`).join("")}}\n`;
}

function line(field: string, number: Field["number"], kind: Kind): string {
  const name = field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const note = noteOf(kind.kind === "list" ? kind.of : kind);
  return `${typeOf(kind)} ${name} = ${number};${note && `  // ${note}`}`;
}

function typeOf(kind: Kind): string {
  if (kind.kind === "list") return `repeated ${bareType(kind.of)}`;
  if (kind.kind === "map") return `map<string, ${bareType(kind.of)}>`;
  return `optional ${bareType(kind)}`;
}

const TYPES = { uint: "uint64", number: "double", bound: "double", bool: "bool", string: "string", json: "string" };

function bareType(kind: Kind): string {
  if (kind.kind === "struct") return kind.name;
  if (kind.kind === "choice") return "string";
  if (kind.kind === "list" || kind.kind === "map") throw new Error(`protobuf has no ${kind.kind} in a list or map`);
  return TYPES[kind.kind];
}

function noteOf(kind: Kind): string {
  if (kind.kind === "json") return "JSON text of an object";
  if (kind.kind === "bound") return "may be an infinity";
  return kind.kind === "choice" ? kind.of.map((value) => `"${value}"`).join(", ") : "";
}
