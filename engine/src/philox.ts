// Philox 4x32-10, a counter-based random generator (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011),
// and the streams that a world draws from it. A number depends on its seed and its place alone, so results are the same
// whoever else draws.

export type Words = readonly [number, number, number, number];

/** What a stream is for: its place in the counter. */
export type Stream = "noise" | "start" | "nextSeed" | "plan";

const STREAMS: Readonly<Record<Stream, number>> = { noise: 0, start: 1, nextSeed: 2, plan: 3 };

/** Ten rounds over a counter of four words with a key of two; all are uint32. */
export function philox(counter: Words, key: readonly [number, number]): Words {
  let [a, b, c, d] = counter;
  let [k, l] = key;
  for (let round = 0; round < 10; round++) {
    // One name a word: lists of them would take most of the time.
    const high0 = multiplyHigh(0xd2511f53, a);
    const high1 = multiplyHigh(0xcd9e8d57, c);
    const low0 = Math.imul(0xd2511f53, a) >>> 0;
    const low1 = Math.imul(0xcd9e8d57, c) >>> 0;
    a = (high1 ^ b ^ k) >>> 0;
    b = low1;
    c = (high0 ^ d ^ l) >>> 0;
    d = low0;
    k = (k + 0x9e3779b9) >>> 0;
    l = (l + 0xbb67ae85) >>> 0;
  }
  return [a, b, c, d];
}

/** Four random words of `stream`: the block `block` of tick `tick`. seed: in [0, 2^53). */
export function draw(seed: number, stream: Stream, tick = 0, block = 0): Words {
  return philox(
    [block, tick >>> 0, Math.floor(tick / 2 ** 32), STREAMS[stream]],
    [seed >>> 0, Math.floor(seed / 2 ** 32)],
  );
}

/** `count` standard normal numbers of `stream` for tick `tick` (Box-Muller in float64). */
export function normals(seed: number, tick: number, count: number, stream: Stream = "noise"): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 4) {
    const words = draw(seed, stream, tick, i / 4);
    for (let k = 0; k < 4; k += 2) {
      const radius = Math.sqrt(-2 * Math.log(((words[k] as number) + 1) / 2 ** 32));
      const angle = (2 * Math.PI * (words[k + 1] as number)) / 2 ** 32;
      out[i + k] = radius * Math.cos(angle); // what lies behind the end is not kept
      out[i + k + 1] = radius * Math.sin(angle);
    }
  }
  return out;
}

/** The start state that a seed picks out of `count`. */
export function drawStart(seed: number, count: number): number {
  return Math.floor((draw(seed, "start")[0] / 2 ** 32) * count);
}

/** The seed of the episode after the one with `seed`, where none is given. */
export function nextSeed(seed: number): number {
  const [low, high] = draw(seed, "nextSeed");
  return (high % 2 ** 21) * 2 ** 32 + low;
}

// The upper 32 bits of a product of two uint32.
function multiplyHigh(x: number, y: number): number {
  const xHigh = x >>> 16;
  const xLow = x & 0xffff;
  const yHigh = y >>> 16;
  const yLow = y & 0xffff;
  const middle = xHigh * yLow + ((xLow * yLow) >>> 16);
  const other = xLow * yHigh + (middle % 2 ** 16);
  return xHigh * yHigh + Math.floor(middle / 2 ** 16) + Math.floor(other / 2 ** 16);
}
