import type { Part } from "../domain.js";
import { AREA } from "../part.js";
import { auc, bootstrap, share } from "../statistics.js";
import type { OpenLoop } from "../studies/open-loop.js";
import type { Surprise } from "../studies/surprise.js";

/** What one tick in twenty of a calibrated world is above. */
const ALARM = 0.95;

/** What an uncertainty should have warned of. */
export interface Astray<S extends OpenLoop> {
  /** In words: "... tells the ticks of the open-loop dreams" that are so. */
  readonly what: string;
  /** Of each tick of a dream, whether it is so. */
  of(sample: S): readonly boolean[];
}

/** Does the world know what it does not know? */
export function uncertaintyPart<S extends OpenLoop>(
  astray: Astray<S>,
): Part<{ surprise: readonly Surprise[]; openLoop: readonly S[] }> {
  return {
    studies: ["surprise", "openLoop"],
    section: ({ surprise, openLoop }, { seed }) => {
      const says = surprise.some(({ ordinary }) => ordinary !== undefined);
      const warned = (sample: S) => {
        const off = astray.of(sample);
        return (sample.uncertainty ?? []).map((score, t) => ({ score, positive: off[t] === true }));
      };
      const area = (...kinds: readonly ("colours" | "actions")[]) =>
        bootstrap(surprise, "area", seed, (drawn) => auc(drawn.flatMap((s) => scored(s, kinds))), { within: AREA });
      return {
        title: "Uncertainty",
        text: says
          ? "What the world says of how sure it is, in [0, 1], where it should be sure: dreams of held-out episodes; and where it can't be: the " +
            "same from a first frame whose red, green and blue changed places, and the same under actions of 1 and -1 at random. The " +
            "areas under ROC curves are the chance that a tick of the latter has more than one of the former. alarmRate: the share of " +
            "ordinary ticks above 0.95, which is 0.05 in a calibrated world. uncertaintyAstrayAuroc: does it tell the ticks of the open-loop " +
            `dreams ${astray.what} from the others?`
          : "This world does not say how sure it is.",
        metrics: says
          ? {
              uncertaintyAuroc: area("colours", "actions"),
              uncertaintyAurocColours: area("colours"),
              uncertaintyAurocActions: area("actions"),
              alarmRate: share(
                surprise.map(({ ordinary = [] }) => {
                  return { held: ordinary.filter((value) => value > ALARM).length, of: ordinary.length };
                }),
              ),
              uncertaintyAstrayAuroc: bootstrap(openLoop, "area", seed, (drawn) => auc(drawn.flatMap(warned)), {
                within: AREA,
              }),
            }
          : {},
        reference: {},
        plots: [],
        pictures: [],
      };
    },
  };
}

function scored(sample: Surprise, kinds: readonly ("colours" | "actions")[]) {
  const of = (values: readonly number[] | undefined, positive: boolean) =>
    (values ?? []).map((score) => ({ score, positive }));
  return [...of(sample.ordinary, false), ...kinds.flatMap((kind) => of(sample[kind], true))];
}
