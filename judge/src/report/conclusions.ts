// The verdict in words, above all numbers: what may be concluded and what not, and the five numbers that say most.
import { type Asked, type Conclusion, conclusionsOf, leftOut } from "../conclusions.js";
import type { Verdict } from "../verdict.js";
import { type Html, html } from "./html.js";
import { formatTogether } from "./numbers.js";
import { breakable } from "./tables.js";

/** The lists of answers, in order, with the mark of each. */
export const ANSWERS = {
  yes: { title: "May be concluded", mark: "✓" },
  no: { title: "May not be concluded", mark: "✗" },
  unknown: { title: "Not known: more samples are needed", mark: "?" },
} as const;

/** What no number here tells. */
export const CAVEAT =
  "All of it is measured against this simulator, on held-out episodes of its own, with the policies that were given. " +
  "It says nothing of a robot that the simulator does not stand for.";

/** The section at the top of the report. */
export function conclusions(verdict: Verdict, asked: Asked): Html {
  const found = conclusionsOf(verdict, asked);
  const missing = leftOut(verdict, asked);
  const headlines = found.filter(({ headline }) => headline);
  return html`<section class="conclusions" aria-labelledby="conclusions"><h2 id="conclusions">What may be concluded</h2>
${headlines.length > 0 ? html`<ul class="tiles">${headlines.map((one) => tile(one, verdict))}</ul>` : undefined}
${found.length === 0 ? html`<p class="prose">Nothing: none of the parts that were asked answers a question.</p>` : undefined}
${(["yes", "no", "unknown"] as const).map((answer) => list(found, answer))}
${missing.length > 0 ? html`<p class="prose">Not asked, so not known: ${missing.join(", ")}.</p>` : undefined}
<p class="prose quiet">${CAVEAT}</p>
</section>`;
}

/** A conclusion's number as words, for example `0.975 r [0.964, 0.983], n = 50; at least 0.9 is asked`. */
export function evidence({ found, better, asked }: Conclusion): string {
  const { value, low, high, unit, n } = found;
  const bounded = low !== undefined && high !== undefined;
  const [shown, from, to] = formatTogether(bounded ? [value, low, high] : [value]);
  const interval = bounded ? ` [${from}, ${to}]` : "";
  const count = n === undefined ? "" : `, n = ${n}`;
  return `${shown} ${unit}${interval}${count}; at ${better === "higher" ? "least" : "most"} ${asked} is asked`;
}

function tile(conclusion: Conclusion, { sections }: Verdict): Html {
  const { metric, better, asked, answer, found } = conclusion;
  const { value, low, high, unit } = found;
  const reference = Object.values(sections).find((section) => metric in section.reference)?.reference[metric];
  const bounded = low !== undefined && high !== undefined;
  const [shown, from, to] = formatTogether(bounded ? [value, low, high] : [value]);
  const simulator = reference === undefined ? undefined : `, simulator ${formatTogether([reference.value])[0]}`;
  return html`<li class="${answer}"><code>${breakable(metric)}</code>
<p class="figure"><span aria-label="${better} is better">${better === "higher" ? "↑" : "↓"}</span> ${shown} <span class="unit">${unit}</span></p>
<p class="quiet">${bounded ? `[${from}, ${to}]` : "no interval"}${simulator}</p>
<p class="quiet">${ANSWERS[answer].mark} asked: ${better === "higher" ? "≥" : "≤"} ${asked}</p></li>
`;
}

function list(found: readonly Conclusion[], answer: keyof typeof ANSWERS): Html | undefined {
  const those = found.filter((one) => one.answer === answer);
  if (those.length === 0) return undefined;
  const { title, mark } = ANSWERS[answer];
  const items = those.map((one) => {
    return html`<li>${one.claim} <span class="quiet"><code>${one.metric}</code> ${evidence(one)}</span></li>
`;
  });
  return html`<h3 class="${answer}">${mark} ${title}</h3>
<ul class="answers">${items}</ul>
`;
}
