// IEEE 754 half precision to single, by a table of all 65,536 numbers.

let table: Float32Array | undefined;

/** `bytes`, little-endian float16 numbers, as float32. */
export function float16ToFloat32(bytes: Uint8Array): Float32Array {
  table ??= Float32Array.from({ length: 1 << 16 }, (_, half) => decode(half));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array(bytes.byteLength / 2);
  for (let i = 0; i < out.length; i++) out[i] = table[view.getUint16(2 * i, true)] as number;
  return out;
}

function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
