// Bytes that are whole come back; all others are refused, whatever was done to them.
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { SnapshotError } from "./errors.js";
import {
  checkLike,
  copiedSnapshot,
  packSnapshot,
  type Snapshot,
  snapshotPosition,
  unpackSnapshot,
} from "./snapshot.js";

const ORIGIN = { world: "w", backend: "b", layout: 1 };

const anyLeaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.maxSafeInteger(),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array(),
  fc.int32Array(),
  fc.float32Array(),
  fc.float64Array(),
);
const anyKey = fc.string({ unit: "grapheme" }).filter((key) => !key.startsWith("$"));
const { anyState } = fc.letrec((tie) => ({
  anyState: fc.oneof(
    { maxDepth: 4 },
    anyLeaf,
    fc.array(tie("anyState"), { maxLength: 4 }),
    fc.dictionary(anyKey, tie("anyState"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const anySnapshot = fc
  .record({ tick: fc.maxSafeNat(), ended: fc.boolean(), state: anyState })
  .map((own): Snapshot => ({ ...ORIGIN, ...own }));

const SNAPSHOT: Snapshot = {
  ...ORIGIN,
  tick: 3,
  ended: false,
  state: { seed: 7, pages: [{ k: Float32Array.of(1.5) }], rest: { qpos: Float64Array.of(-0, 0.1), odd: [-0] } },
};

const codeOf = (bytes: Uint8Array, origin = ORIGIN): string => {
  try {
    unpackSnapshot(bytes, origin);
  } catch (error) {
    return error instanceof SnapshotError ? error.code : String(error);
  }
  return "accepted";
};

test("a snapshot comes back bit for bit, at any offset of a larger buffer", () => {
  fc.assert(
    fc.property(anySnapshot, fc.nat(9), (snapshot, offset) => {
      const bytes = packSnapshot(snapshot);
      const buffer = new Uint8Array(bytes.length + 9);
      buffer.set(bytes, offset);
      const view = buffer.subarray(offset, offset + bytes.length);
      expect(unpackSnapshot(view, ORIGIN)).toEqual(snapshot);
      expect(unpackSnapshot(Buffer.from(view.buffer, offset, bytes.length), ORIGIN)).toEqual(snapshot);
      expect(snapshotPosition(view)).toEqual({ tick: snapshot.tick, ended: snapshot.ended });
    }),
    { numRuns: 500 },
  );
});

test("a snapshot that is cut or longer anywhere, or has a flipped bit, is refused", () => {
  const bytes = packSnapshot(SNAPSHOT);
  for (let length = 0; length < bytes.length; length++) {
    expect(codeOf(bytes.subarray(0, length))).toBe("snapshot_damaged");
  }
  expect(codeOf(new Uint8Array([...bytes, 0]))).toBe("snapshot_damaged");
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(codeOf(flipped)).toMatch(/^snapshot_(damaged|version)$/);
  }
});

test("a snapshot of something else is refused, and says of what", () => {
  const bytes = packSnapshot(SNAPSHOT);
  expect(codeOf(bytes, { ...ORIGIN, world: "v" })).toBe("snapshot_world");
  expect(codeOf(bytes, { ...ORIGIN, backend: "c" })).toBe("snapshot_backend");
  expect(codeOf(bytes, { ...ORIGIN, layout: 2 })).toBe("snapshot_version");
});

test("random bytes are refused", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 99 }), (bytes) => codeOf(bytes) === "snapshot_damaged"));
});

test("a state of another structure is refused", () => {
  const like = { seed: 1, done: [true], page: [{ k: new Float32Array(2) }], task: "a" };
  checkLike({ seed: 9, done: [], page: [{ k: Float32Array.of(1, 2) }, { k: Float32Array.of(3, 4) }], task: "b" }, like);
  for (const bad of [
    { ...like, seed: "1" },
    { ...like, seed: Number.NaN },
    { ...like, more: 1 },
    { ...like, page: [{ k: new Float32Array(3) }] },
    { ...like, page: [{ k: Float32Array.of(1, Number.NaN) }] },
    { ...like, page: [{}] },
    { ...like, done: true },
    null,
  ]) {
    expect(() => checkLike(bad, like)).toThrow(SnapshotError);
  }
});

test("what a snapshot can't hold is a fault of who makes it", () => {
  for (const state of [() => 1, new Date(0), 1n, { $array: 1 }]) {
    expect(() => packSnapshot({ ...SNAPSHOT, state })).toThrow(TypeError);
  }
});

test("a state that names one array twice is refused: it would be larger than its bytes, whatever its checksum says", () => {
  const pages = [Float32Array.of(1), Float32Array.of(2)];
  const bytes = packSnapshot({ ...SNAPSHOT, state: { pages } });
  const again = Buffer.from(bytes);
  again.write('{"$array":0}', again.indexOf('{"$array":1}'));
  new DataView(again.buffer, again.byteOffset).setUint32(8, crc32(again.subarray(12)), true);
  expect(codeOf(again)).toBe("snapshot_damaged");
  expect(codeOf(bytes)).toBe("accepted");
});

test("of a buffer that was sent away there is no snapshot, and its code says so", () => {
  const bytes = packSnapshot(SNAPSHOT);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  expect(codeOf(copiedSnapshot(bytes))).toBe("snapshot_damaged");
});
