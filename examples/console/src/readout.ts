// Numbers and words: what each world said of a tick, how far the two are apart, the goal and the clock.
import type { Connection } from "@worldstep/sdk";
import { isDreamed, partners, roleOf, SIDES } from "./cast.js";
import type { Duel } from "./duel.js";
import { goalOf } from "./known.js";
import { unitOf } from "./labels.js";
import { offer, part, write } from "./page.js";
import type { Moment } from "./past.js";
import type { Seen } from "./seen.js";
import { centimetres, familiarity, type Gap, isParted, likeness, verdict } from "./trust.js";

const NO_WORLD = "";

/** Makes the table's rows for the worlds of `duel`, offers the others, and hides what belongs to a world that isn't there. */
export function layOut(duel: Duel, { worlds }: Connection): void {
  for (const side of SIDES) {
    const spec = duel.envs[side]?.spec;
    for (const element of document.querySelectorAll<HTMLElement>(`[data-side="${side}"]`)) element.hidden = !spec;
    if (!spec) continue;
    for (const element of document.querySelectorAll(`[data-role="${side}"]`)) element.textContent = roleOf(spec);
    part(`${side}-picture`, HTMLElement).ariaLabel = `What ${roleOf(spec)} shows: ${spec.id}`;
  }
  const { left, right } = duel.envs;
  const both = left !== undefined && right !== undefined;
  document.documentElement.dataset.worlds = String(duel.sides.length);
  for (const element of document.querySelectorAll<HTMLElement>("[data-both]")) element.hidden = !both;
  const dreamed = duel.sides.some((side) => isDreamed(duel.envs[side]?.spec as NonNullable<typeof left>["spec"]));
  for (const element of document.querySelectorAll<HTMLElement>("[data-dreamed]")) element.hidden = !dreamed;

  const named = (specs: Connection["worlds"]) => specs.map(({ id }): [string, string] => [id, id]);
  const [first, second] = [part("left-world", HTMLSelectElement), part("right-world", HTMLSelectElement)];
  offer(first, new Map(named(worlds)), "");
  first.value = left?.spec.id ?? "";
  const others = left ? partners(worlds, left.spec as Connection["worlds"][number]) : [];
  offer(second, new Map([[NO_WORLD, "nothing"], ...named(others)]), NO_WORLD);
  second.value = right?.spec.id ?? NO_WORLD;
  part("beside", HTMLElement).hidden = others.length === 0;
  part("pick-worlds", HTMLElement).hidden = worlds.length < 2;

  const rows = duel.spec.proprioception.map((name, i) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head, ...duel.sides.map((side) => cell(`${side}-p${i}`)), ...(both ? [cell(`apart-p${i}`)] : []));
    return row;
  });
  part("proprioception", HTMLTableSectionElement).replaceChildren(...rows);
}

/** Shows `moment`; `parted` is the tick at which the two worlds parted, up to it. */
export function showMoment(duel: Duel, moment: Moment, gap: Gap, parted: number | undefined): void {
  const { tick, seen } = moment;
  write("tick", String(tick));
  for (const side of duel.sides) {
    const shown = seen[side];
    part(`${side}-out`, HTMLElement).hidden = shown !== undefined;
    if (!shown) {
      for (const element of document.querySelectorAll(
        `td[data-side="${side}"], td[id^="${side}-p"], td[id^="apart-p"]`,
      )) {
        element.textContent = "–";
      }
      continue;
    }
    write(`${side}-reward`, shown.reward.toFixed(3));
    write(`${side}-return`, Number.isNaN(shown.total) ? "–" : shown.total.toFixed(2));
    write(`${side}-ms`, tick === 0 ? "–" : shown.ms.toFixed(1));
    write(`${side}-success`, shown.success ? "yes" : "no");
    write(`${side}-terminated`, shown.terminated ? "yes" : "no");
    write(`${side}-truncated`, shown.truncated ? "yes" : "no");
    write(`${side}-end`, ending(shown));
    for (const [i, value] of [...readings(shown)].entries())
      write(`${side}-p${i}`, short(value, duel.spec.proprioception[i]));
  }
  showClock(duel, moment);
  showTrust(duel, moment, gap, parted);
  const { left, right } = seen;
  if (!left || !right) return;
  const truth = readings(left);
  for (const [i, value] of [...readings(right)].entries()) {
    write(`apart-p${i}`, short(Math.abs(value - (truth[i] ?? Number.NaN)), duel.spec.proprioception[i]));
  }
}

function showClock({ spec, maxTicks, start }: Duel, { tick, seen }: Moment): void {
  const task = start?.task ?? "";
  write("goal", goalOf(spec, task));
  const seconds = (ticks: number) => `${((ticks * spec.stride) / spec.fps).toFixed(1)} s`;
  const shown = Object.values(seen);
  const over = shown.length > 0 && shown.every(({ terminated, truncated }) => terminated || truncated);
  document.documentElement.dataset.over = String(over);
  const done = shown.some(({ success }) => success);
  const time = over ? (done ? `done in ${seconds(tick)}` : "time is up") : `${seconds(maxTicks - tick)} left`;
  write("clock", maxTicks > 0 || over ? time : `${seconds(tick)}, no time limit`);
  const bar = part("clock-bar", HTMLProgressElement);
  bar.hidden = maxTicks === 0;
  bar.max = Math.max(1, maxTicks);
  bar.value = Math.max(0, maxTicks - tick);
}

function showTrust(duel: Duel, { seen }: Moment, gap: Gap, parted: number | undefined): void {
  const { metres, thing, decibels } = gap;
  write("verdict", verdict(duel, parted));
  const compared = seen.left !== undefined && seen.right !== undefined;
  document.documentElement.dataset.parted = compared ? String(parted !== undefined) : "";
  part("apart-fact", HTMLElement).hidden = metres === undefined;
  part("alike-fact", HTMLElement).hidden = !compared;
  if (metres !== undefined) {
    write("apart", centimetres(metres));
    write("apart-words", isParted({ metres }) ? "not at the same place" : "at the same place");
    part("apart-fact", HTMLElement).dataset.flag = String(isParted({ metres }));
  }
  part("thing-fact", HTMLElement).hidden = thing === undefined;
  if (thing !== undefined) {
    write("thing", centimetres(thing.metres));
    write("thing-words", thing.name);
    part("thing-fact", HTMLElement).dataset.flag = String(isParted({ thing }));
  }
  write(
    "psnr",
    decibels === undefined ? "–" : decibels === Number.POSITIVE_INFINITY ? "equal" : `${decibels.toFixed(1)} dB`,
  );
  write("alike-words", decibels === undefined ? "of other sizes" : likeness(decibels));
  part("alike-fact", HTMLElement).dataset.flag = String(isParted({ decibels }));

  const uncertainty = seen.right?.uncertainty ?? seen.left?.uncertainty;
  part("unsure-fact", HTMLElement).hidden = uncertainty === undefined;
  if (uncertainty === undefined) return;
  write("unsure", uncertainty.toFixed(2));
  write("unsure-words", familiarity(uncertainty));
}

function readings({ observation }: Seen): Float32Array {
  return Float32Array.from(observation.proprioception?.data ?? []);
}

// Metres and radians to a thousandth, larger numbers shorter; without "-0.000".
function short(value: number, label = ""): string {
  const digits = Math.abs(value) >= 100 || unitOf(label).startsWith("px") ? 1 : 3;
  return (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits);
}

function ending({ success, terminated, truncated }: Seen): string {
  if (success) return "Done";
  if (terminated) return "Over";
  return truncated ? "Time is up" : "";
}

function cell(id: string): HTMLTableCellElement {
  const made = document.createElement("td");
  made.id = id;
  made.textContent = "–";
  return made;
}
