// Metrics as tables: the world's value with its interval, and the simulator's own beside it.

import type { Metric, Section } from "../verdict.js";
import { type Html, html } from "./html.js";
import { formatTogether } from "./numbers.js";

/** All metrics of one section; undefined if it has none. */
export function metricsTable(section: Section): Html | undefined {
  const rows = rowsOf(section);
  if (rows.length === 0) return undefined;
  // A table wider than a phone is scrolled, which must be possible without a pointer too.
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Metrics: ${section.title}">
<table class="metrics">
<colgroup><col class="c-name"><col class="c-value"><col class="c-interval"><col class="c-value"><col class="c-interval"><col class="c-n"><col></colgroup>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">World</th><th scope="col">95&nbsp;% interval</th>
<th scope="col" class="number">Simulator</th><th scope="col" aria-label="95 % interval of the simulator">95&nbsp;% interval</th><th scope="col" class="number">n</th><th scope="col">Unit</th></tr></thead>
<tbody>${rows}</tbody></table>
</div>`;
}

function rowsOf({ metrics, reference }: Section): Html[] {
  // What was measured of the simulator only comes last.
  const names = new Set([...Object.keys(metrics), ...Object.keys(reference)]);
  return [...names].map((name) => {
    const [world, simulator] = [metrics[name], reference[name]];
    const { n, unit } = world ?? simulator ?? {};
    return html`<tr><th scope="row"><code>${breakable(name)}</code></th>${cells(world, "world")}${cells(simulator, "simulator")}
<td class="number">${n === undefined ? undefined : formatTogether([n])}</td><td class="unit">${unit}</td></tr>
`;
  });
}

function cells(metric: Metric | undefined, name: string): Html {
  if (metric === undefined) return html`<td></td><td></td>`;
  const { value, low, high } = metric;
  const bounded = low !== undefined && high !== undefined;
  const [shown, from, to] = formatTogether(bounded ? [value, low, high] : [value]);
  const known = bounded && !(Number.isNaN(low) && Number.isNaN(high));
  const interval = known ? html`[${exact(low, from)}, ${exact(high, to)}]` : bounded ? "n/a" : undefined;
  return html`<td class="number ${name}">${exact(value, shown)}</td><td class="interval">${interval}</td>`;
}

// The number as it is, beside how it is shown.
function exact(value: number, shown: string | undefined): Html {
  return Number.isFinite(value) ? html`<data value="${value}">${shown}</data>` : html`${shown}`;
}

/** A metric's name, which may go on in another line before each capital. */
export function breakable(name: string): Html[] {
  return name.split(/(?=[A-Z])/).map((piece, i) => (i === 0 ? html`${piece}` : html`<wbr>${piece}`));
}
