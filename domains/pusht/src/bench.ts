// What Push-T's studies work with.
import type { Bench, Measured } from "@worldstep/judge/kit";
import type { Episode } from "./episode.js";
import type { PushT } from "./reality.js";

export type PushTBench = Bench<PushT, Measured, Episode>;
