// All studies by name.
import { cost } from "./studies/cost.js";
import { drift } from "./studies/drift.js";
import { handling, resting } from "./studies/handling.js";
import { inverseActions } from "./studies/inverse.js";
import { openLoop } from "./studies/open-loop.js";
import { ranking } from "./studies/ranking.js";
import { recalled } from "./studies/recall.js";
import { surprise } from "./studies/surprise.js";
import { training } from "./studies/training.js";
import type { Study } from "./study.js";

export const STUDIES = {
  openLoop,
  inverseActions,
  handling,
  resting,
  drift,
  recalled,
  surprise,
  ranking,
  training,
  cost,
} as const;
export type StudyName = keyof typeof STUDIES;

/** The samples of each study that was made. */
export type Samples = { readonly [Name in StudyName]: readonly SampleOf<Name>[] };
type SampleOf<Name extends StudyName> = (typeof STUDIES)[Name] extends Study<infer Sample> ? Sample : never;

/** One experiment. */
export interface Order {
  readonly study: StudyName;
  readonly i: number;
}
