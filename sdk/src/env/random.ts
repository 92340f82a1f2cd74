// Seeded random numbers that give the same bits everywhere: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator,
// PractRand), its state filled by splitmix32 from (seed, stream). Streams of one seed are independent of one another.

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** `seed`: a whole number in [0, 2^53). `stream`: a name, so that one seed feeds several uses. */
  constructor(seed: number, stream = "") {
    let hash = mix(seed >>> 0) ^ mix(Math.floor(seed / 2 ** 32) + 0x9e3779b9);
    for (let i = 0; i < stream.length; i++) hash = mix(hash + stream.charCodeAt(i) + 0x9e3779b9);
    this.#a = mix(hash + 0x9e3779b9);
    this.#b = mix(hash + 0x3c6ef372);
    this.#c = mix(hash + 0xdaa66d2b);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** All that later numbers depend on, four whole numbers; `state` of another goes on as that one does. */
  get state(): readonly number[] {
    return [this.#a, this.#b, this.#c, this.#counter];
  }

  set state([a = 0, b = 0, c = 0, counter = 0]: readonly number[]) {
    [this.#a, this.#b, this.#c, this.#counter] = [a | 0, b | 0, c | 0, counter | 0];
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * (this.uint32() / 2 ** 32);
  }

  /** Uniform whole number in [0, count). */
  index(count: number): number {
    return Math.floor(this.uniform(0, count));
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.uniform() < p;
  }

  /** One of `values`, all as likely. */
  pick<T>(values: readonly T[]): T {
    return values[this.index(values.length)] as T;
  }

  /** Standard normal (Box-Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }
}

// One round of splitmix32.
function mix(value: number): number {
  let z = value | 0;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}
