// Reads safetensors files (https://huggingface.co/docs/safetensors): an 8-byte length, a JSON header, the raw tensors.
// The header is checked in full before anything of its size is allocated.
import { elementCount, WorldFileError } from "@worldstep/protocols";
import { float16ToFloat32 } from "./float16.js";
import { type SourceFile, truncated } from "./source.js";

const BYTES_PER_ELEMENT: Readonly<Record<string, number>> = { U8: 1, F16: 2, F32: 4, I32: 4, I64: 8 };
const MAX_HEADER_BYTES = 4 << 20;

export interface TensorEntry {
  readonly name: string;
  /** As the file says it: `U8`, `F16`, `F32`, `I32` or `I64`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly begin: number;
  readonly bytes: number;
}

/** What a file must hold: tensors by name with their shape and dtype. */
export interface TensorRule {
  readonly dtype: string;
  readonly shape: readonly number[];
}

export type Entries = ReadonlyMap<string, TensorEntry>;

/** A float32 tensor from a file. */
export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The header of `file`, which it takes. Throws `WorldFileError` (`world_file_truncated`, `world_file_invalid`). */
export async function takeHeader(file: SourceFile): Promise<Entries> {
  const { path, size } = file;
  if (size < 8) throw truncated(path, size, 8);
  const length = Number(new DataView((await file.take(0, 8)).buffer).getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) throw invalid(path, `a header of ${length} bytes (at most ${MAX_HEADER_BYTES})`);
  if (size < 8 + length) throw truncated(path, size, 8 + length);
  const entries = parseHeader(textOf(await file.take(8, 8 + length)), path, 8 + length);
  checkLayout(entries, path, 8 + length, size);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

/**
 * Checks `entries` of the file at `path` against `rules`.
 * Throws `WorldFileError` (`world_tensor_missing`, `world_tensor_dtype`, `world_tensor_shape`, and, unless `others`,
 * `world_tensor_unexpected`).
 */
export function checkTensors(
  entries: Entries,
  rules: ReadonlyMap<string, TensorRule>,
  path: string,
  others: boolean,
): void {
  const remedy = "export the world again";
  for (const [name, { dtype, shape }] of rules) {
    const facts = { file: path, tensor: name };
    const entry = entries.get(name);
    if (!entry) throw new WorldFileError("world_tensor_missing", `${path} has no tensor "${name}"`, remedy, facts);
    if (entry.dtype !== dtype) {
      const what = `tensor "${name}" of ${path} is ${entry.dtype}, not ${dtype}`;
      throw new WorldFileError("world_tensor_dtype", what, remedy, { ...facts, expected: dtype, got: entry.dtype });
    }
    const fits = entry.shape.length === shape.length && shape.every((n, i) => n === entry.shape[i]);
    if (!fits) {
      const what = `tensor "${name}" of ${path} has shape [${entry.shape.join(", ")}], not [${shape.join(", ")}]`;
      throw new WorldFileError("world_tensor_shape", what, remedy, { ...facts, expected: shape, got: entry.shape });
    }
  }
  const extra = others ? undefined : [...entries.keys()].find((name) => !rules.has(name));
  if (extra !== undefined) {
    throw new WorldFileError("world_tensor_unexpected", `${path} has a tensor "${extra}" that nothing reads`, remedy, {
      file: path,
      tensor: extra,
    });
  }
}

/** The raw bytes of one tensor, which it takes. */
export function takeBytes(file: SourceFile, { begin, bytes }: TensorEntry): Promise<Uint8Array<ArrayBuffer>> {
  return file.take(begin, begin + bytes);
}

/** All F16 and F32 tensors as float32, each of them taken. Throws `WorldFileError` (`world_tensor_not_finite`). */
export async function takeWeights({
  file,
  entries,
}: {
  readonly file: SourceFile;
  readonly entries: Entries;
}): Promise<Map<string, Weight>> {
  const weights = new Map<string, Weight>();
  for (const entry of entries.values()) {
    const { name, dtype, shape } = entry;
    if (dtype !== "F16" && dtype !== "F32") continue;
    const raw = await takeBytes(file, entry);
    const data = dtype === "F16" ? float16ToFloat32(raw) : new Float32Array(raw.buffer);
    if (!data.every(Number.isFinite)) {
      const what = `tensor "${name}" of ${file.path} has an element that is not finite`;
      const facts = { file: file.path, tensor: name };
      throw new WorldFileError("world_tensor_not_finite", what, "export the world again", facts);
    }
    weights.set(name, { shape, data });
  }
  return weights;
}

/** UTF-8, as it is: a mark of the order of bytes is a character like others. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

function parseHeader(text: string, path: string, start: number): TensorEntry[] {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw invalid(path, `a header that is not JSON (${error.message})`);
    throw error;
  }
  if (!isRecord(header)) throw invalid(path, "a header that is not an object");
  const tensors = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return tensors.map(([name, value]) => parseEntry(name, value, path, start));
}

function parseEntry(name: string, value: unknown, path: string, start: number): TensorEntry {
  if (!isRecord(value)) throw invalid(path, `an entry for "${name}" that is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const size = typeof dtype === "string" ? BYTES_PER_ELEMENT[dtype] : undefined;
  if (typeof dtype !== "string" || size === undefined) {
    throw invalid(path, `tensor "${name}" with dtype ${JSON.stringify(dtype)}`);
  }
  if (!isSizes(shape)) throw invalid(path, `tensor "${name}" with shape ${JSON.stringify(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2) {
    throw invalid(path, `tensor "${name}" with data_offsets ${JSON.stringify(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = size * elementCount(shape);
  if (end - begin !== bytes) {
    throw invalid(path, `tensor "${name}" of ${bytes} bytes with data_offsets [${begin}, ${end}]`);
  }
  return { name, dtype, shape, begin: start + begin, bytes };
}

// The tensors must lie one behind the other, from the header to the end of the file.
function checkLayout(entries: readonly TensorEntry[], path: string, start: number, size: number): void {
  let at = start;
  for (const { name, begin, bytes } of [...entries].sort((a, b) => a.begin - b.begin || a.bytes - b.bytes)) {
    if (begin !== at) throw invalid(path, `tensor "${name}" that overlaps another or leaves a gap`);
    at += bytes;
  }
  if (size < at) throw truncated(path, size, at);
  if (size > at) throw invalid(path, `${size - at} bytes behind the last tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function invalid(file: string, what: string): WorldFileError {
  return new WorldFileError("world_file_invalid", `${file} has ${what}`, "export the world again", { file });
}
