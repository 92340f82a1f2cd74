// What a field of a header may hold, and the TypeScript type that follows from it. fields.ts is written in these words.

/**
 * `uint`: a whole number in [0, 2^53). `number`: finite. `bound`: a number that may be infinite. `json`: an object of JSON
 * values. `filled`: not empty, as what may be absent has to be: protobuf writes neither. `struct`: named fields of its own; `reserved` are numbers of fields that were, and what they were.
 */
export type Kind =
  | { readonly kind: "uint" | "number" | "bound" | "bool" | "string" | "json" }
  | { readonly kind: "choice"; readonly of: readonly string[] }
  | { readonly kind: "list"; readonly of: Kind; readonly filled?: true }
  | { readonly kind: "map"; readonly of: Kind; readonly filled?: true }
  | { readonly kind: "struct"; readonly name: string; readonly fields: Fields; readonly reserved: Reserved };

type Reserved = Readonly<Record<number, string>>;

export interface Field {
  /** Protobuf field number. */
  readonly number: number;
  readonly kind: Kind;
  readonly optional: boolean;
  /** What is read where it is absent, as a peer that is older leaves it. */
  readonly absent?: unknown;
}

export type Fields = Readonly<Record<string, Field>>;

export const uint = { kind: "uint" } as const;
export const number = { kind: "number" } as const;
export const bound = { kind: "bound" } as const;
export const bool = { kind: "bool" } as const;
export const string = { kind: "string" } as const;
export const json = { kind: "json" } as const;

export const choice = <const Of extends readonly string[]>(...of: Of) => ({ kind: "choice", of }) as const;
export const list = <const Of extends Kind>(of: Of) => ({ kind: "list", of }) as const;
export const map = <const Of extends Kind>(of: Of) => ({ kind: "map", of }) as const;
export const filled = <const K extends Kind & { readonly kind: "list" | "map" }>(kind: K) =>
  ({ ...kind, filled: true }) as const;
export const struct = <const F extends Fields>(name: string, fields: F, reserved: Reserved = {}) =>
  ({ kind: "struct", name, fields, reserved }) as const;
export const needed = <const K extends Kind>(number: number, kind: K) => ({ number, kind, optional: false }) as const;
/** A field that not every peer knows: `absent` is what its absence says. */
export const added = <const K extends Kind>(number: number, kind: K, absent: unknown) =>
  ({ number, kind, optional: false, absent }) as const;
export const optional = <const K extends Kind>(number: number, kind: K) => ({ number, kind, optional: true }) as const;

/** The type of what a field of kind `K` holds. */
export type TypeOf<K extends Kind> = K extends { readonly kind: keyof Plain }
  ? Plain[K["kind"]]
  : K extends { readonly kind: "choice" }
    ? K["of"][number]
    : K extends { readonly kind: "list" }
      ? readonly TypeOf<K["of"]>[]
      : K extends { readonly kind: "map" }
        ? Readonly<Record<string, TypeOf<K["of"]>>>
        : K extends { readonly kind: "struct" }
          ? Struct<K["fields"]>
          : never;

interface Plain {
  readonly uint: number;
  readonly number: number;
  readonly bound: number;
  readonly bool: boolean;
  readonly string: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The type of a struct's fields. (Mapped by names that are a parameter, so that their comments come along.) */
export type Struct<F extends Fields> = Flat<
  Needed<F, Names<F, { readonly optional: false }>> & Optional<F, Names<F, { readonly optional: true }>>
>;

type Needed<F extends Fields, N extends keyof F> = { readonly [K in N]: TypeOf<F[K]["kind"]> };
type Optional<F extends Fields, N extends keyof F> = { readonly [K in N]?: TypeOf<F[K]["kind"]> };

/** The keys of `T` whose values are `V`s. */
export type Names<T, V> = { [K in keyof T]: T[K] extends V ? K : never }[keyof T];

/** One object type for an intersection of several. */
export type Flat<T> = { [K in keyof T]: T[K] };
