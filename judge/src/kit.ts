// What a domain is made of: what it must bring, the studies and parts that fit any, and what its own are made with.
export { openBench, scaled } from "./bench.js";
export { type Beside, beside } from "./beside.js";
export type {
  Bench,
  Counting,
  Domain,
  Measured,
  Part,
  Probe,
  Question,
  RealityOptions,
  Recording,
  Samples,
  Settings,
  Study,
} from "./domain.js";
export { blocksOf } from "./dream.js";
export { average, curve, curves, POSITIVE, point } from "./part.js";
export { costPart } from "./parts/cost.js";
export { fidelity } from "./parts/fidelity.js";
export { type Endurance, horizonPart } from "./parts/horizon.js";
export { type Graded, rankingPart } from "./parts/ranking.js";
export { rewardPart } from "./parts/reward.js";
export { type Lessons, trainingPart } from "./parts/training.js";
export { type Astray, uncertaintyPart } from "./parts/uncertainty.js";
export { bootstrap, distance, mean, share, type Tally } from "./statistics.js";
export { type Cost, cost } from "./studies/cost.js";
export { drift, type LongPlay, type Mark, type Response } from "./studies/drift.js";
export { beginning, type OpenLoop, openLoop, type Rollout, SWAP_TICK } from "./studies/open-loop.js";
export { type Contests, ranking, type Trial } from "./studies/ranking.js";
export { type Hiding, type Recalled, type RecalledBeside, recall } from "./studies/recall.js";
export { type Surprise, surprise } from "./studies/surprise.js";
export { type Learner, type Trained, training } from "./studies/training.js";
export { begin, type Subject } from "./subject.js";
export type { Metric, Metrics, Section } from "./verdict.js";
