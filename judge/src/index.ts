export { type JudgeOptions, judge, partsNamed } from "./judge.js";
export { PART_NAMES, type PartName } from "./parts.js";
export { encodePng, type Frame, type Picture, tile } from "./picture.js";
export { cardMarkdown } from "./report/card.js";
export { plotPng } from "./report/plots.js";
export { reportHtml } from "./report/report.js";
export { median, quantile } from "./statistics.js";
export { openSubject, type Subject, type SubjectName } from "./subject.js";
export type { Metric, Metrics, Plot, Point, Section, Strip, Verdict } from "./verdict.js";
