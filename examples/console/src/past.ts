// What was played since the reset, to look back at and to save. It forgets the oldest when it becomes too much.
import type { AllSeen } from "./seen.js";

export interface Moment {
  readonly tick: number;
  readonly seen: AllSeen;
  /** The action block that led here, `[stride, A]`, flat; absent at the start. */
  readonly action?: Float32Array;
}

const MOST_BYTES = 200_000_000;

export class Past {
  #moments: Moment[] = [];
  #bytes = 0;

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  get first(): number {
    return this.#moments[0]?.tick ?? 0;
  }

  get last(): number {
    return this.#moments.at(-1)?.tick ?? 0;
  }

  at(tick: number): Moment | undefined {
    return this.#moments[tick - this.first];
  }

  push(moment: Moment): void {
    this.#moments.push(moment);
    this.#bytes += bytesOf(moment);
    while (this.#bytes > MOST_BYTES) this.#bytes -= bytesOf(this.#moments.shift() as Moment);
  }

  clear(): void {
    this.#moments = [];
    this.#bytes = 0;
  }
}

function bytesOf({ seen }: Moment): number {
  return Object.values(seen).reduce((sum, { observation }) => sum + observation.frames.data.length, 0);
}
