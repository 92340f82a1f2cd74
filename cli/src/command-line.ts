// What commands have in common, those of the examples too: numbers that are checked as they are parsed, and progress.
export { wholeNumber } from "./numbers.js";
export { type Progress, progressBar } from "./progress.js";
