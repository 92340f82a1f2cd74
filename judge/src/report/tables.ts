// Metrics as tables: the world's value with its interval, and the simulator's own beside it.

import type { Metric, Section } from "../verdict.js";
import { type Html, html } from "./html.js";
import { formatTogether } from "./numbers.js";

/** All metrics of one section; undefined if it has none. */
export function metricsTable(section: Section): Html | undefined {
  const rows = rowsOf(section);
  if (rows.length === 0) return undefined;
  return table(`Metrics: ${section.title}`, "metrics", html`<tbody>${rows}</tbody>`);
}

/** All metrics of all sections, each under a link to its section; `anchors` are the sections' ids, in order. */
export function summaryTable(sections: readonly Section[], anchors: readonly string[]): Html {
  const bodies = sections.map((section, i) => {
    const rows = rowsOf(section);
    if (rows.length === 0) return undefined;
    const heading = html`<th class="group" scope="rowgroup" colspan="7"><a href="#${anchors[i]}">${section.title}</a></th>`;
    return html`<tbody><tr>${heading}</tr>
${rows}</tbody>
`;
  });
  return table("All metrics", "summary", html`${bodies}`);
}

// A table wider than a phone is scrolled, which must be possible without a pointer too.
function table(label: string, name: string, body: Html): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
<table class="${name}">
<colgroup><col class="c-name"><col class="c-value"><col class="c-interval"><col class="c-value"><col class="c-interval"><col class="c-n"><col></colgroup>
<thead><tr><th scope="col">Metric</th><th scope="col" class="number">World</th><th scope="col">95&nbsp;% interval</th>
<th scope="col" class="number">Simulator</th><th scope="col" aria-label="95 % interval of the simulator">95&nbsp;% interval</th><th scope="col" class="number">n</th><th scope="col">Unit</th></tr></thead>
${body}</table>
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

// May go on in another line before each capital, for phones.
function breakable(name: string): Html[] {
  return name.split(/(?=[A-Z])/).map((piece, i) => (i === 0 ? html`${piece}` : html`<wbr>${piece}`));
}
