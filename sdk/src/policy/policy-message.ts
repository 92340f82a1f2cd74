// How much is in a message of msgpack, found by its heads alone: to decode a megabyte of small values takes seconds.

const EXTENSIONS = [0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8];
/** Bytes behind a head that are no values: numbers from 0xca (float32) to 0xd3 (int64). */
const NUMBERS = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

/**
 * Whether `message` has at most `most` values, keys and containers among them, and none of an extension type, which NumPy's
 * arrays don't need. What else may be wrong with it, the decoder finds.
 */
export function isModest(message: Uint8Array, most: number): boolean {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  /** A whole number of `size` bytes at `at`; 0 behind the end. */
  const wholeAt = (at: number, size: number) => {
    if (at + size > view.byteLength) return 0;
    return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
  };
  let at = 0;
  let seen = 0;
  for (let due = 1; due > 0 && at < view.byteLength; due--) {
    const head = view.getUint8(at++);
    if (EXTENSIONS.includes(head)) return false;
    if (head >= 0x80 && head <= 0x8f) due += 2 * (head & 15);
    else if (head >= 0x90 && head <= 0x9f) due += head & 15;
    else if (head >= 0xa0 && head <= 0xbf) at += head & 31;
    else if (head >= 0xc4 && head <= 0xc6) at += sized(1 << (head - 0xc4));
    else if (head >= 0xca && head <= 0xd3) at += NUMBERS[head - 0xca] as number;
    else if (head >= 0xd9 && head <= 0xdb) at += sized(1 << (head - 0xd9));
    else if (head === 0xdc || head === 0xdd) due += counted(head === 0xdc ? 2 : 4);
    else if (head === 0xde || head === 0xdf) due += 2 * counted(head === 0xde ? 2 : 4);
    if (++seen + due - 1 > most) return false;
  }
  return true;

  /** The bytes of a string, and of the number of `size` bytes that says how many. */
  function sized(size: number): number {
    return size + wholeAt(at, size);
  }

  function counted(size: number): number {
    at += size;
    return wholeAt(at - size, size);
  }
}
