// Numbers: what each world said of the last tick, and how far the dream is from the truth.
import { SIDES, type Side } from "./cast.js";
import type { Duel, Seen } from "./duel.js";
import { part, write } from "./page.js";
import { psnr } from "./psnr.js";

/** Makes the table's rows for the worlds of `duel`, and hides what belongs to a world that isn't there. */
export function layOut(duel: Duel): void {
  for (const side of SIDES) {
    const hosted = duel.envs[side];
    for (const element of document.querySelectorAll<HTMLElement>(`[data-side="${side}"]`)) element.hidden = !hosted;
    if (hosted) write(`${side}-world`, hosted.spec.id);
  }
  document.documentElement.dataset.worlds = String(duel.sides.length);
  const both = duel.sides.length === 2;
  for (const element of document.querySelectorAll<HTMLElement>("[data-both]")) element.hidden = !both;
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

/** Shows the present state of `duel`; `returns` are the rewards so far. */
export function showNumbers(duel: Duel, returns: Readonly<Partial<Record<Side, number>>>): void {
  document.documentElement.dataset.over = String(duel.over);
  write("tick", String(duel.tick));
  for (const side of duel.sides) {
    const seen = duel.seen[side];
    if (!seen) continue;
    write(`${side}-reward`, seen.reward.toFixed(3));
    write(`${side}-return`, (returns[side] ?? 0).toFixed(2));
    write(`${side}-ms`, duel.tick === 0 ? "–" : seen.ms.toFixed(1));
    write(`${side}-success`, seen.success ? "yes" : "no");
    write(`${side}-terminated`, seen.terminated ? "yes" : "no");
    write(`${side}-truncated`, seen.truncated ? "yes" : "no");
    write(`${side}-end`, ending(seen));
    for (const [i, value] of [...proprioception(seen)].entries()) write(`${side}-p${i}`, millis(value));
  }
  const { real, dreamed } = duel.seen;
  if (!real || !dreamed) return;
  const truth = proprioception(real);
  for (const [i, value] of [...proprioception(dreamed)].entries()) {
    write(`apart-p${i}`, Math.abs(value - (truth[i] ?? Number.NaN)).toFixed(3));
  }
  const decibels = pictureDifference(duel);
  const alike = decibels === undefined ? "other size" : decibels === Number.POSITIVE_INFINITY ? "equal" : undefined;
  write("psnr", alike ?? `${decibels?.toFixed(1)} dB`);
}

/** PSNR of the ticks' frames, dB; undefined unless there are two pictures of one size. */
export function pictureDifference({ seen: { real, dreamed } }: Duel): number | undefined {
  const [a, b] = [real?.observation.frames, dreamed?.observation.frames];
  return a && b && String(a.shape) === String(b.shape) ? psnr(a, b) : undefined;
}

function proprioception({ observation }: Seen): Float32Array {
  return Float32Array.from(observation.proprioception?.data ?? []);
}

// Without "-0.000".
function millis(value: number): string {
  return (Math.abs(value) < 0.0005 ? 0 : value).toFixed(3);
}

function ending({ success, terminated, truncated }: Seen): string {
  if (success) return "success";
  if (terminated) return "over";
  return truncated ? "time is up" : "";
}

function cell(id: string): HTMLTableCellElement {
  const made = document.createElement("td");
  made.id = id;
  made.textContent = "–";
  return made;
}
