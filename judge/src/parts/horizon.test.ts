// What is made of marks of long play whose drift is known.
import { expect, test } from "vitest";
import type { Mark } from "../studies/drift.js";
import type { RecalledBeside } from "../studies/recall.js";
import { horizonPart } from "./horizon.js";

const MINUTES = [0.1, 1, 3, 10];

// Long play whose picture is so far from real ones at each mark, and whose responses are so far off.
function play(pictures: readonly number[], responses: readonly number[]): Mark[] {
  return pictures.map((picture, k) => ({
    minutes: MINUTES[k] as number,
    picture,
    responses: [responses[k] as number, responses[k] as number],
    frame: "",
  }));
}

const horizon = horizonPart({
  player: "a hand",
  response: "It moves.",
  motion: "a motion",
  worse: 2,
  hiding: "It hides.",
});
const COUNTING = { seed: 1, tickSeconds: 0.2 };

const STEADY = play([2, 2, 2, 2], [1, 1, 1, 1]);

function metrics(dreamed: readonly Mark[], real = STEADY) {
  const drift = [
    { dreamed, real },
    { dreamed, real },
  ];
  return horizon.section({ drift, recalled: [] }, COUNTING).metrics;
}

test("steady play lasts to the last mark", () => {
  expect(metrics(STEADY)).toMatchObject({
    driftMinutes: { value: 10, n: 2 },
    pictureDrift: { value: 0 },
    responseDrift: { value: 0 },
  });
  expect(metrics(STEADY).driftMinutes).not.toHaveProperty("low"); // two plays that agree prove nothing
});

test("a picture that goes further from real ones than the simulator's has drifted", () => {
  const { driftMinutes, pictureDrift } = metrics(play([2, 2.8, 3.2, 5], [1, 1, 1, 1]));
  expect(driftMinutes?.value).toBe(1); // at three minutes 3.2 is more than 1.5 times the 2 of the start
  expect(pictureDrift?.value).toBeCloseTo(1.5, 9);
  const untidy = play([2, 2.8, 3.2, 5], [1, 1, 1, 1]);
  expect(metrics(untidy, untidy).driftMinutes?.value).toBe(10); // so did the simulator's
});

test("a response that gets worse than the simulator's has drifted", () => {
  const { driftMinutes, responseDrift } = metrics(play([2, 2, 2, 2], [1, 2, 4, 8]));
  expect(driftMinutes?.value).toBe(1);
  expect(responseDrift?.value).toBe(7);
});

test("a dream that lost its state has drifted, and has no numbers after", () => {
  const lost = metrics(STEADY.slice(0, 2));
  expect(lost.driftMinutes?.value).toBe(1);
  expect(lost.lastFidelity?.value).toBeNaN();
  expect(lost.lastResponseError?.value).toBeNaN();
  expect(lost.lastFidelity).not.toHaveProperty("low");
});

test("what memory is worth: the error of the window alone over that with it, where the simulator hid the cube", () => {
  const scene = (error: number, hidden = 1) => ({ seconds: 2, hidden, errors: [error, 0, 0] });
  const scenes = [
    { real: scene(0), dreamed: scene(2), windowAlone: scene(9) },
    { real: scene(0), dreamed: scene(4), windowAlone: scene(9) },
    { real: scene(0, 0.2), dreamed: scene(99), windowAlone: scene(0) },
  ];
  const of = (recalled: readonly RecalledBeside[]) => horizon.section({ drift: [], recalled }, COUNTING).metrics;
  expect(of(scenes)).toMatchObject({
    recallError: { value: 3 },
    recallErrorWindowAlone: { value: 9 },
    recallErrorVisibleWindowAlone: { value: 0 },
    recallGain: { value: 3, n: 2 },
  });
  expect(of(scenes.map(({ windowAlone: _, ...both }) => both))).not.toHaveProperty("recallGain");
});
