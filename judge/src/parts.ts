// The parts of a verdict, in the order in which they are read.
import type { Part } from "./part.js";
import { costPart } from "./parts/cost.js";
import { fidelity } from "./parts/fidelity.js";
import { horizon } from "./parts/horizon.js";
import { obedience } from "./parts/obedience.js";
import { physics } from "./parts/physics.js";
import { rankingPart } from "./parts/ranking.js";
import { reward } from "./parts/reward.js";
import { trainingPart } from "./parts/training.js";
import { uncertainty } from "./parts/uncertainty.js";

export const PARTS = {
  fidelity,
  obedience,
  uncertainty,
  physics,
  horizon,
  reward,
  ranking: rankingPart,
  training: trainingPart,
  cost: costPart,
} as const;
export type PartName = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as readonly PartName[];
const ALL: Readonly<Record<PartName, Part>> = PARTS;

export function partOf(name: PartName): Part {
  return ALL[name];
}
