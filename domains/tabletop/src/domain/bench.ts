// What the tabletop's studies work with.
import type { Bench } from "@worldstep/judge/kit";
import type { Measured } from "../probe.js";
import type { Episode } from "../simulator/episode.js";
import type { Simulator } from "../simulator/simulator.js";

export type TabletopBench = Bench<Simulator, Measured, Episode>;
