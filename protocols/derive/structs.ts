// The structs that fields hold, each once, the outer ones first.
import type { Fields, Kind } from "../src/kinds.js";

type StructKind = Extract<Kind, { readonly kind: "struct" }>;

export function structsOf(fields: Fields): StructKind[] {
  const found = new Map<string, StructKind>();
  const visit = (kind: Kind): void => {
    if (kind.kind === "list" || kind.kind === "map") visit(kind.of);
    if (kind.kind !== "struct" || found.has(kind.name)) return;
    found.set(kind.name, kind);
    for (const field of Object.values(kind.fields)) visit(field.kind);
  };
  for (const field of Object.values(fields)) visit(field.kind);
  return [...found.values()];
}
