// A snapshot: what an env is between two ticks, as bytes that can be kept and sent. It is whole or it is refused: a header
// in JSON with arrays behind it, under one checksum. What it says of itself (the world, what makes its bits) is checked
// before anything of it is used, and its structure against that of an env's own state.
//
//   "WSSNAP" | u16 version | u32 CRC-32 of all that follows | u32 header length | header | zeros to 8 | array | zeros to 8 | ..
import { SnapshotError } from "./errors.js";
import { shown } from "./shown.js";

/** What a snapshot is of. The env that restores it must be of the same. */
export interface SnapshotOrigin {
  /** Names the world's exact contents. */
  readonly world: string;
  /** Names what made its bits, so far as they depend on more than the world. */
  readonly backend: string;
  /** Version of the structure of `state`. */
  readonly layout: number;
}

export interface Snapshot extends SnapshotOrigin {
  /** Ticks since the reset. */
  readonly tick: number;
  /** Whether the episode is over. */
  readonly ended: boolean;
  /** All else: null, booleans, numbers, strings, typed arrays, and lists and plain objects of these. */
  readonly state: unknown;
}

const MAGIC = "WSSNAP";
const VERSION = 1;
const CHECKED_FROM = 12;
const HEADER_FROM = 16;
const ALIGNMENT = 8;
const MAX_DEPTH = 16;

const ARRAYS = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array } as const;
type TypedArray = Uint8Array | Int32Array | Float32Array | Float64Array;
type Kind = keyof typeof ARRAYS;

interface Header extends SnapshotOrigin {
  readonly tick: number;
  readonly ended: boolean;
  readonly state: unknown;
  readonly arrays: readonly (readonly [Kind, number])[];
}

/** The bytes of `snapshot`. Throws `TypeError` for a state that holds something else than it may. */
export function packSnapshot({ world, backend, layout, tick, ended, state }: Snapshot): Uint8Array<ArrayBuffer> {
  const arrays: TypedArray[] = [];
  const plain = flattened(state, arrays, 0);
  const kinds = arrays.map((array): [Kind, number] => [kindOf(array) as Kind, array.length]);
  const header: Header = { world, backend, layout, tick, ended, state: plain, arrays: kinds };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const offsets = offsetsOf(text.length, header.arrays);
  const bytes = new Uint8Array(offsets.at(-1) as number);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint16(MAGIC.length, VERSION, true);
  view.setUint32(CHECKED_FROM, text.length, true);
  bytes.set(text, HEADER_FROM);
  for (const [i, array] of arrays.entries()) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), offsets[i] as number);
  }
  view.setUint32(MAGIC.length + 2, crc32(bytes.subarray(CHECKED_FROM)), true);
  return bytes;
}

/**
 * The snapshot in `bytes`, of `origin`. Its arrays are its own.
 * Throws `SnapshotError`: `snapshot_damaged`, `snapshot_version`, `snapshot_world`, `snapshot_backend`.
 */
export function unpackSnapshot(bytes: Uint8Array, origin: SnapshotOrigin): Snapshot {
  const { header, length } = headerOf(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(MAGIC.length + 2, true) !== crc32(bytes.subarray(CHECKED_FROM))) {
    throw damaged("its checksum is that of other bytes");
  }
  const { world, backend, layout, tick, ended } = header;
  if (world !== origin.world) {
    throw foreign("snapshot_world", world, origin.world, "restore it in an env of that world");
  }
  if (backend !== origin.backend) {
    throw foreign("snapshot_backend", backend, origin.backend, "open the world as it was opened then");
  }
  if (layout !== origin.layout) throw outdated(layout, origin.layout);
  const offsets = offsetsOf(length, header.arrays);
  if (offsets.at(-1) !== bytes.length) throw damaged(`it has ${bytes.length} bytes, not ${offsets.at(-1)}`);
  const arrays = header.arrays.map(([kind, count], i): TypedArray => {
    const from = offsets[i] as number;
    // Copied by the constructor, for a Node Buffer's `slice` is a view.
    return new ARRAYS[kind](new Uint8Array(bytes.subarray(from, from + count * ARRAYS[kind].BYTES_PER_ELEMENT)).buffer);
  });
  return { world, backend, layout, tick, ended, state: restored(header.state, arrays, 0) };
}

/** A copy of `bytes`: who called may use them again. Throws `SnapshotError` (`snapshot_damaged`) for what are none. */
export function copiedSnapshot(bytes: Uint8Array): Uint8Array {
  if (ArrayBuffer.isView(bytes) && bytes instanceof Uint8Array)
    return bytes.length === 0 ? new Uint8Array() : new Uint8Array(bytes); // none can be made of one whose buffer was sent away
  throw damaged(`it is ${shown(bytes)}, not bytes`);
}

/** The tick in `bytes`, and whether its episode is over. Throws as `unpackSnapshot` does; looks at no more than that. */
export function snapshotPosition(bytes: Uint8Array): Pick<Snapshot, "tick" | "ended"> {
  const { tick, ended } = headerOf(bytes).header;
  return { tick, ended };
}

/**
 * Throws `SnapshotError` (`snapshot_damaged`) unless `state` is built as `like` is: the same names, kinds, and lengths of
 * arrays; lists of things that are like the first; numbers that are finite.
 */
export function checkLike(state: unknown, like: unknown, path = "state"): void {
  const kind = kindOf(like);
  if (kind !== undefined) {
    const array = state as TypedArray;
    const isSame = kindOf(state) === kind && array.length === (like as TypedArray).length;
    if (!isSame || !array.every(Number.isFinite))
      throw damaged(`${path} is no ${kind} [${(like as TypedArray).length}]`);
  } else if (Array.isArray(like)) {
    const isSame = Array.isArray(state) && (like.length > 0 || state.length === 0);
    if (!isSame) throw damaged(`${path} is no such list`);
    for (const [i, item] of state.entries()) checkLike(item, like[0], `${path}[${i}]`);
  } else if (isPlain(like)) {
    if (!isPlain(state) || String(Object.keys(state).sort()) !== String(Object.keys(like).sort())) {
      throw damaged(`${path} has other names`);
    }
    for (const [key, value] of Object.entries(like)) checkLike(state[key], value, `${path}.${key}`);
  } else if (typeof state !== typeof like || (typeof state === "number" && !Number.isFinite(state))) {
    throw damaged(`${path} is no ${typeof like}`);
  }
}

function headerOf(bytes: Uint8Array): { readonly header: Header; readonly length: number } {
  const text = new TextDecoder();
  if (bytes.length < HEADER_FROM || text.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw damaged("its beginning is not that of a snapshot");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(MAGIC.length, true);
  if (version !== VERSION) throw outdated(version, VERSION);
  const length = view.getUint32(CHECKED_FROM, true);
  if (HEADER_FROM + length > bytes.length) throw damaged("it ends too early");
  try {
    const header: unknown = JSON.parse(text.decode(bytes.subarray(HEADER_FROM, HEADER_FROM + length)));
    if (isHeader(header)) return { header, length };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw damaged("its header can't be read");
}

function isHeader(value: unknown): value is Header {
  if (!isPlain(value)) return false;
  const { world, backend, layout, tick, ended, arrays } = value;
  const isWhole = (x: unknown) => Number.isSafeInteger(x) && (x as number) >= 0;
  return (
    typeof world === "string" &&
    typeof backend === "string" &&
    isWhole(layout) &&
    isWhole(tick) &&
    typeof ended === "boolean" &&
    Array.isArray(arrays) &&
    arrays.every((entry) => Array.isArray(entry) && Object.hasOwn(ARRAYS, entry[0]) && isWhole(entry[1]))
  );
}

/** Where each array begins, and where the last one's padding ends. */
function offsetsOf(headerLength: number, arrays: Header["arrays"]): number[] {
  const offsets = [align(HEADER_FROM + headerLength)];
  for (const [kind, length] of arrays) {
    offsets.push(align((offsets.at(-1) as number) + length * ARRAYS[kind].BYTES_PER_ELEMENT));
  }
  return offsets;
}

// Arrays, and numbers that JSON would change, stand in it as objects with one key of these.
const ARRAY = "$array";
const NUMBER = "$number";
const ODD_NUMBERS: ReadonlyMap<string, number> = new Map([
  ["-0", -0],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

function flattened(value: unknown, arrays: TypedArray[], depth: number): unknown {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") {
    const [odd] = [...ODD_NUMBERS].find(([, number]) => Object.is(number, value)) ?? [];
    return odd === undefined ? value : { [NUMBER]: odd };
  }
  if (depth === MAX_DEPTH) throw new TypeError(`a snapshot's state is at most ${MAX_DEPTH} deep`);
  if (kindOf(value) !== undefined) return { [ARRAY]: arrays.push(value as TypedArray) - 1 };
  if (Array.isArray(value)) return value.map((item) => flattened(item, arrays, depth + 1));
  if (!isPlain(value)) throw new TypeError(`a snapshot's state holds no ${typeof value}`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.map(([key, member]) => {
      if (key.startsWith("$")) throw new TypeError(`a snapshot's state has no name ${key}`);
      return [key, flattened(member, arrays, depth + 1)];
    }),
  );
}

// Takes each of `arrays` once: a state of many names for few arrays would be larger than its bytes.
function restored(value: unknown, arrays: (TypedArray | undefined)[], depth: number): unknown {
  if (depth > MAX_DEPTH + 1) throw damaged("its state is too deep");
  if (Array.isArray(value)) return value.map((item) => restored(item, arrays, depth + 1));
  if (!isPlain(value)) return value;
  if (Object.hasOwn(value, ARRAY)) {
    const i = value[ARRAY] as number;
    const array = arrays[i];
    if (array === undefined) throw damaged("its state names an array that it doesn't have, or one twice");
    arrays[i] = undefined;
    return array;
  }
  if (Object.hasOwn(value, NUMBER)) return ODD_NUMBERS.get(String(value[NUMBER]));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, restored(member, arrays, depth + 1)]));
}

function kindOf(value: unknown): Kind | undefined {
  const found = Object.entries(ARRAYS).find(([, Kind]) => value instanceof Kind);
  return found?.[0] as Kind | undefined;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function align(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

let table: Uint32Array | undefined;

/** CRC-32 of zlib and PNG: finds every flip of up to 32 neighbouring bits. */
function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, i) => {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    return crc;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] as number)) & 255] as number);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function damaged(why: string): SnapshotError {
  return new SnapshotError("snapshot_damaged", `not a whole snapshot: ${why}`, "keep all its bytes as they were", {
    why,
  });
}

function outdated(got: number, expected: number): SnapshotError {
  const summary = `a snapshot of version ${got}; this worldstep reads ${expected}`;
  const remedy = "restore it with the version of worldstep that took it";
  return new SnapshotError("snapshot_version", summary, remedy, { expected, got });
}

function foreign(code: "snapshot_world" | "snapshot_backend", got: string, expected: string, remedy: string): Error {
  const facts = { expected, got: shown(got) };
  return new SnapshotError(code, `a snapshot of ${shown(got)}, not of ${expected}`, remedy, facts);
}
