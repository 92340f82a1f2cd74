// A study is a pile of independent experiments of one kind. What some studies' samples say becomes a part of the verdict.
import type { Bench, Settings } from "./bench.js";

export interface Study<Sample> {
  /** How many experiments there are. Throws what is wrong with what was asked for. */
  count(bench: Bench): Promise<number>;
  /** About how many ticks, dreamed and simulated, one takes: for the estimate of the time left. */
  ticks(settings: Settings): number;
  /**
   * Experiment `i`. Its sample is JSON: it is kept on disk, and comes from another process. It is the same for the same
   * subject, settings and machine, whatever ran before. One that takes long calls `onTicks` with the ticks since its last call.
   */
  run(bench: Bench, i: number, onTicks: (ticks: number) => void): Promise<Sample>;
}
