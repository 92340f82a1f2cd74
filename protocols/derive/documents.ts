// The tables of docs/protocol.md and docs/errors.md, put where their pages want them.
import { CLASSES, CLOSE_CODES, ERRORS, type ErrorCode, type ErrorPlace } from "../src/error-table.js";
import { ENVELOPE, MESSAGE_SHAPES, MESSAGES, type MessageShape } from "../src/fields.js";
import type { Field, Kind } from "../src/kinds.js";
import { saidOfStructs } from "./comments.js";
import { schema } from "./schema.js";
import { structsOf } from "./structs.js";

/** `page`, what stands between `<!-- derived: WHAT -->` and `<!-- end -->` written anew. Throws where WHAT is unknown. */
export function withTables(page: string): string {
  return page.replace(/(<!-- derived: ([a-z ]+) -->\n)[\s\S]*?(<!-- end -->)/g, (_, begin, what, end) => {
    const [kind, of = ""] = what.split(" ");
    const make = PARTS[kind];
    if (make === undefined) throw new Error(`nothing is derived by the name of ${what}`);
    return `${begin}\n${make(of)}\n\n${end}`;
  });
}

const PARTS: Readonly<Record<string, (of: string) => string>> = {
  messages: (from) => messages(from as MessageShape["from"]),
  structs,
  schema: () => `\`\`\`proto\n${schema()}\`\`\``,
  errors: (where) => errors(where as ErrorPlace),
  classes,
};

function messages(from: MessageShape["from"]): string {
  const rows = [...MESSAGE_SHAPES]
    .filter(([, shape]) => shape.from === from)
    .map(([type, { fields, tensors }]) => {
      const told = Object.entries(fields)
        .filter(([name]) => name !== "type" && name !== "tensors")
        .map(([name, { kind, optional }]) => `${name}${optional ? "?" : ""} ${kindText(kind)}`);
      const carried =
        tensors === "observation"
          ? ["`observation.*`"]
          : Object.entries(tensors).map(
              ([name, { dtype, shape, optional }]) => `\`${name}\`${optional ? "?" : ""} ${dtype} \`${shape}\``,
            );
      const row = MESSAGES[type as keyof typeof MESSAGES];
      const reply = from === "client" ? ["reply" in row ? `\`${row.reply}\`` : "none"] : [];
      return [`\`${type}\``, told.join(", "), carried.join(", "), ...reply];
    });
  return table(["type", "fields", "tensors", ...(from === "client" ? ["reply"] : [])], rows);
}

function structs(): string {
  const said = saidOfStructs();
  const parts = structsOf(ENVELOPE).map(({ name, fields }) => {
    const { struct, fields: meanings } = said.get(name) ?? { struct: "", fields: new Map() };
    const rows = Object.entries(fields).map(([field, of]) => [field, fieldKind(of), meanings.get(field) ?? ""]);
    return `**${name}**: ${struct}\n\n${table(["field", "kind", "meaning"], rows)}`;
  });
  return parts.join("\n\n");
}

function fieldKind({ kind, optional }: Field): string {
  return `${kindText(kind)}${optional ? ", may be absent" : ""}`;
}

function kindText(kind: Kind): string {
  if (kind.kind === "list" || kind.kind === "map") return `${kind.kind} of ${kindText(kind.of)}`;
  if (kind.kind === "struct") return kind.name;
  return kind.kind === "choice" ? either(kind.of.map((value) => `\`"${value}"\``)) : kind.kind;
}

function errors(where: ErrorPlace): string {
  const rows = Object.entries(ERRORS).flatMap(([code, row]) => {
    if (row.where !== where) return [];
    const connection = where === "wire" ? [fateOf(code as ErrorCode)] : [];
    return [[`\`${code}\``, row.what, row.remedy, ...connection]];
  });
  if (rows.length === 0) throw new Error(`there are no errors of ${where}`);
  return table(["code", "meaning", "remedy", ...(where === "wire" ? ["connection"] : [])], rows);
}

function fateOf(code: ErrorCode): string {
  const closeCode = CLOSE_CODES[code];
  if (closeCode !== undefined) return `closed, ${closeCode}`;
  const row = ERRORS[code];
  return "connection" in row ? row.connection : "open";
}

function classes(): string {
  const starts = new Map<string, string[]>();
  for (const [start, name] of Object.entries(CLASSES)) starts.set(name, [...(starts.get(name) ?? []), `\`${start}\``]);
  return table(
    ["class", "codes that begin with"],
    [...starts].map(([name, of]) => [`\`${name}\``, of.join(", ")]),
  );
}

/** Not padded: a longer cell must not change every line. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function either(values: readonly string[]): string {
  return values.length < 2 ? values.join("") : `${values.slice(0, -1).join(", ")} or ${values.at(-1)}`;
}
