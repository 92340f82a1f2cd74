// Linear light to sRGB bytes (IEC 61966-2-1) by a table, made without Math.pow, whose last bit is the engine's own.

/** Bytes for linear light k / (SRGB_LEVELS - 1). */
export const SRGB_LEVELS = 8192;
export const SRGB_BYTES: Readonly<Uint8Array> = table();

/** Linear light in [0, 1] of an sRGB value in [0, 1]. */
export function linearOf(encoded: number): number {
  if (encoded <= 0.04045) return encoded / 12.92;
  const base = (encoded + 0.055) / 1.055;
  return base * base * fifthRoot(base * base); // base ** 2.4
}

/** A colour as designers write it, `0xrrggbb` in sRGB, as linear red, green, blue in [0, 1]. */
export function linearColor(hex: number): [number, number, number] {
  return [linearOf((hex >> 16) / 255), linearOf(((hex >> 8) & 255) / 255), linearOf((hex & 255) / 255)];
}

/** Newton's method; `value` in (0, 1], where 60 steps from 1 are more than enough. */
function fifthRoot(value: number): number {
  let root = 1;
  for (let i = 0; i < 60; i++) root -= (root - value / (root * root * root * root)) / 5;
  return root;
}

function table(): Uint8Array {
  const bytes = new Uint8Array(SRGB_LEVELS);
  let byte = 0;
  for (let level = 0; level < SRGB_LEVELS; level++) {
    // The rounding border between two bytes lies half way between them, in encoded values.
    while (byte < 255 && level / (SRGB_LEVELS - 1) >= linearOf((byte + 0.5) / 255)) byte++;
    bytes[level] = byte;
  }
  return bytes;
}
