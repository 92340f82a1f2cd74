// Names of readings carry their unit: `x (m)`, `to x (px of 512)`.

/** `x` of `x (m)`. */
export function nameOf(label: string): string {
  return label.replace(/ \([^)]*\)$/, "");
}

/** `m` of `x (m)`; empty where there is none. */
export function unitOf(label: string): string {
  return / \(([^)]*)\)$/.exec(label)?.[1] ?? "";
}
