import type { Beside } from "../beside.js";
import type { Part } from "../domain.js";
import { average, POSITIVE, point } from "../part.js";
import { bootstrap, mean } from "../statistics.js";
import type { Mark } from "../studies/drift.js";
import { HIDDEN_SECONDS, hiddenError, type Recalled, type RecalledBeside, visibleError } from "../studies/recall.js";
import type { Metric, Metrics, Plot, Point } from "../verdict.js";
import { bytes } from "./fidelity.js";

/** A dream has drifted when its picture went this many times as far from real ones as the simulator's in the same time, */
const FURTHER = 1.5;

/** What a domain's long play and hiding are, in words and bounds. */
export interface Endurance {
  /** Who plays, in a few words. */
  readonly player: string;
  /** What a response is, in a sentence. */
  readonly response: string;
  /** Of a motion, as a title says it. */
  readonly motion: string;
  /** A dream has drifted when its responses became so much worse than the simulator's did, cm. */
  readonly worse: number;
  /** How things are hidden and what is measured then, in a sentence or two. */
  readonly hiding: string;
}

type Rollouts = readonly Beside<readonly Mark[]>[];
type Side = keyof Beside<unknown>;

/** Is the world still one after an hour, and does it remember what it can't see? */
export function horizonPart({ player, response: responded, motion, worse, hiding }: Endurance): Part<{
  drift: Rollouts;
  recalled: readonly RecalledBeside[];
}> {
  return {
    studies: ["drift", "recalled"],
    section: ({ drift, recalled }, { seed }) => {
      const marks = drift[0]?.real ?? [];
      const last = marks.length - 1;
      const late = Math.min(3, last); // ten minutes
      // Only scenes in which reality hid the cube: another hand would hide others.
      const hidden = recalled.filter(({ real }) => real.hidden > 0.5);
      const remembered = hidden.filter((scene) => scene.windowAlone !== undefined) as Required<RecalledBeside>[];
      const scenes = (side: Side, of: (scene: Recalled) => number, seconds?: number): Metric => {
        const chosen = hidden.filter(({ dreamed }) => seconds === undefined || dreamed.seconds === seconds);
        return average(chosen, "cm", seed, (scene) => of(scene[side]), POSITIVE);
      };
      const positive = (unit: string, of: (drawn: Rollouts) => number): Metric =>
        bootstrap(drift, unit, seed, of, { within: POSITIVE });
      const ofSide = (side: Side): Metrics => ({
        lateFidelity: positive("ratio", (drawn) => fidelity(drawn, side, late)),
        lastFidelity: positive("ratio", (drawn) => fidelity(drawn, side, last)),
        earlyResponseError: positive("cm", (drawn) => response(drawn, side, 0)),
        lateResponseError: positive("cm", (drawn) => response(drawn, side, late)),
        lastResponseError: positive("cm", (drawn) => response(drawn, side, last)),
        recallError: scenes(side, hiddenError),
        ...Object.fromEntries(HIDDEN_SECONDS.map((s) => [`recallErrorAfter${s}s`, scenes(side, hiddenError, s)])),
        recallErrorVisible: scenes(side, visibleError),
      });
      return {
        title: "Long horizon",
        text:
          `Closed-loop play for ${marks[last]?.minutes.toFixed(0)} minutes of the world's time: ${player}. ` +
          "At each mark, two numbers. Picture: how far 30 frames are, in the probe's features, from the nearest of real " +
          "frames of other episodes; fidelity is that over the same at the first mark. " +
          `Response: ${responded} ` +
          "late is the mark at ten minutes, or the last where there is none; last is the last. Ratios above 1 are further " +
          "from real frames than at the start. The simulator played as long and was measured in the " +
          "same way: its scene becomes untidy too. pictureDrift and responseDrift: how much further than the simulator the " +
          "world went from the first mark to the last, 0 for none. driftMinutes: the last mark (so at least that long) up to which fidelity stays " +
          `within ${FURTHER} times the simulator's, and the response got at most ${worse} cm worse than the simulator's did. A ` +
          "dream whose state is not finite any more has drifted. One that is junk from the start does not drift: read it with the other numbers. " +
          `Recall: ${hiding} ` +
          "recallGain: recallErrorWindowAlone over recallError. Window alone is the same world, begun anew before every tick from " +
          "the last ticks that it showed, as many as its window has: it knows nothing that was not in these pictures, so that the " +
          "gain is of all that is carried beside them: the recurrent state, the state vector and the first tick. What it costs to go " +
          "through pictures once a tick is in recallErrorVisibleWindowAlone, of what nothing hid.",
        metrics: {
          driftMinutes: bootstrap(drift, "min", seed, (drawn) => driftMinutes(drawn, worse), {
            within: [0, marks[last]?.minutes ?? 0],
          }),
          pictureDrift: bootstrap(drift, "share", seed, (drawn) => pictureDrift(drawn, last)),
          responseDrift: bootstrap(drift, "cm", seed, (drawn) => responseDrift(drawn, last)),
          ...ofSide("dreamed"),
          ...(remembered.length > 0 && {
            recallGain: bootstrap(remembered, "ratio", seed, recallGain, { within: POSITIVE }),
            recallErrorWindowAlone: average(
              remembered,
              "cm",
              seed,
              (scene) => hiddenError(scene.windowAlone),
              POSITIVE,
            ),
            recallErrorVisibleWindowAlone: average(
              remembered,
              "cm",
              seed,
              (scene) => visibleError(scene.windowAlone),
              POSITIVE,
            ),
          }),
        },
        reference: ofSide("real"),
        plots: [
          overMinutes(drift, seed, "Distance of the picture from real ones", "distance of features", picture),
          overMinutes(drift, seed, `Response to ${motion}`, "error (cm)", response),
        ],
        pictures: (drift[0]?.dreamed ?? []).map(({ minutes, frame }) => ({
          title: `After ${time(minutes)}`,
          png: bytes(frame),
        })),
      };
    },
  };
}

function picture(rollouts: Rollouts, side: Side, k: number): number {
  return mean(rollouts.map((marks) => marks[side][k]?.picture ?? Number.NaN));
}

function response(rollouts: Rollouts, side: Side, k: number): number {
  return mean(rollouts.flatMap((marks) => marks[side][k]?.responses ?? [Number.NaN]));
}

function fidelity(rollouts: Rollouts, side: Side, k: number): number {
  return picture(rollouts, side, k) / picture(rollouts, side, 0);
}

function pictureDrift(rollouts: Rollouts, k: number): number {
  return fidelity(rollouts, "dreamed", k) / fidelity(rollouts, "real", k) - 1;
}

function responseDrift(rollouts: Rollouts, k: number): number {
  const worse = (side: Side): number => response(rollouts, side, k) - response(rollouts, side, 0);
  return worse("dreamed") - worse("real");
}

function driftMinutes(rollouts: Rollouts, worse: number): number {
  const marks = rollouts[0]?.real ?? [];
  const broken = marks.findIndex(
    (_, k) => !(pictureDrift(rollouts, k) <= FURTHER - 1 && responseDrift(rollouts, k) <= worse),
  );
  const lasting = broken === -1 ? marks.length : broken;
  return marks[lasting - 1]?.minutes ?? 0;
}

function recallGain(scenes: readonly Required<RecalledBeside>[]): number {
  const error = (side: keyof RecalledBeside) => mean(scenes.map((scene) => hiddenError(scene[side])));
  return error("windowAlone") / error("dreamed");
}

function overMinutes(
  rollouts: Rollouts,
  seed: number,
  title: string,
  y: string,
  of: (rollouts: Rollouts, side: Side, k: number) => number,
): Plot {
  const marks = rollouts[0]?.real ?? [];
  const points = (side: Side): Point[] =>
    marks.map(({ minutes }, k) =>
      point(
        minutes,
        bootstrap(rollouts, "", seed, (drawn) => of(drawn, side, k)),
      ),
    );
  const series = [
    { name: "dream", points: points("dreamed") },
    { name: "simulator", points: points("real") },
  ];
  return { title, x: "time (min)", y, kind: "lines", logarithmic: true, series };
}

function time(minutes: number): string {
  return minutes < 1 ? `${Math.round(60 * minutes)} s` : `${Math.round(minutes)} min`;
}
