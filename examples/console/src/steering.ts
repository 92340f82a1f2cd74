// Words and buttons of who plays, and of the ways to steer that the world has.
import type { EnvSpec } from "@worldstep/sdk";
import { isDreamed, roleOf, type Side } from "./cast.js";
import type { Duel } from "./duel.js";
import type { Hands } from "./hands.js";
import { knownOf } from "./known.js";
import { part, write } from "./page.js";
import type { Pilot } from "./pilot.js";

/** The buttons that name a key. */
export const PAD = [...document.querySelectorAll<HTMLButtonElement>("button[data-key]")];

/** Who plays: `pilot`, or the hands of the visitor; the pilot that has not begun yet is undefined. */
export function showPlayer(
  duel: Duel,
  steered: boolean,
  pilot: { readonly of: Pilot; readonly side: Side } | undefined,
): void {
  const all = duel.playing.length > 1 ? " Both worlds get the same actions." : "";
  const isExpert = pilot ? pilot.of.isExpert : knownOf(duel.spec).hasExpert;
  write("pilot", isExpert ? "Expert" : "Wander");
  if (steered) {
    write("player-note", `You steer.${all}`);
  } else if (isExpert) {
    const { spec } = duel.envs[pilot?.side ?? "left"] ?? duel;
    const eyes = isDreamed(spec) ? "what the dream says of its scene" : `the scene in ${roleOf(spec)}`;
    write("player-note", `A script that knows the tasks plays. It looks at ${eyes}.${all} Touch a key and you steer.`);
  } else {
    write("player-note", `The page knows no expert for this world: it wanders about.${all} Touch a key and you steer.`);
  }
}

/** The ways to steer a world with `spec`. */
export function showSteering(spec: EnvSpec, hands: Hands): void {
  const known = knownOf(spec);
  // What they say is true of a world that the page knows; the gripper's button of any.
  const across = known.keys !== undefined;
  for (const button of PAD) {
    const { key = "" } = button.dataset;
    button.hidden = !hands.knows(key) || !(across || key === "g");
  }
  part("cross", HTMLElement).hidden = !across;
  part("pad", HTMLElement).hidden = PAD.every(({ hidden }) => hidden);
  write("steer-note", known.steering);
  part("channels", HTMLDetailsElement).open = !across;
  document.documentElement.dataset.pointer = String(known.drag !== undefined || known.point !== undefined);
}
