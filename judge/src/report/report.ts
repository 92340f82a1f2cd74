// The verdict as a page for people: one file of HTML that needs no network and no scripts.

import type { Asked } from "../conclusions.js";
import type { Plot, Section, Strip, Verdict } from "../verdict.js";
import { conclusions } from "./conclusions.js";
import { Html, html } from "./html.js";
import { plotSvg } from "./plots.js";
import { STYLE } from "./style.js";
import { metricsTable } from "./tables.js";

// Nothing is fetched and nothing is run, whatever a verdict holds.
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
const SIGNATURE = "\x89PNG\r\n\x1a\n";

/** The report on `verdict`, of a domain that asks `asked`: a whole HTML file, the same for the same verdict. */
export async function reportHtml(verdict: Verdict, asked: Asked): Promise<string> {
  const sections = Object.values(verdict.sections);
  const anchors = Object.keys(verdict.sections).map((name) => `part-${encodeURIComponent(name)}`);
  const parts: Html[] = [];
  for (const [i, section] of sections.entries()) parts.push(await part(section, anchors[i] as string));
  const several = sections.length > 1;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${verdict.subject.id}: how good a world it is</title>
<style>${new Html(STYLE)}</style>
</head>
<body${several ? html` class="long"` : undefined}>
<main class="page">
<header>
<p class="kicker">A world, judged against its simulator</p>
<h1>${verdict.subject.id}</h1>
<p class="lead">${verdict.subject.description}</p>
</header>
${several ? contents(sections, anchors) : undefined}
${conclusions(verdict, asked)}
${facts(verdict)}
${parts}
</main>
</body>
</html>
`;
  return page.text;
}

function facts({ subject, command, versions }: Verdict): Html {
  return html`<dl class="facts">
<dt>Hash</dt><dd><code class="hash" tabindex="0" title="${subject.hash}">${subject.hash}</code></dd>
<dt>To reproduce</dt><dd><pre><code>${command}</code></pre></dd>
${Object.entries(versions).map(([name, version]) => html`<dt>${name}</dt><dd>${version}</dd>\n`)}</dl>`;
}

function contents(sections: readonly Section[], anchors: readonly string[]): Html {
  const items = sections.map(({ title }, i) => html`<li><a href="#${anchors[i]}">${title}</a></li>\n`);
  return html`<nav aria-labelledby="contents"><h2 id="contents">Contents</h2>
<ol><li><a href="#conclusions">What may be concluded</a></li>
${items}</ol></nav>`;
}

async function part(section: Section, anchor: string): Promise<Html> {
  const plots: Html[] = [];
  for (const plot of section.plots) plots.push(await plotFigure(plot));
  return html`<section aria-labelledby="${anchor}"><h2 id="${anchor}">${section.title}</h2>
${paragraphs(section)}
${metricsTable(section)}
${plots.length > 0 ? html`<div class="plots">${plots}</div>` : undefined}
${section.pictures.length > 0 ? html`<div class="pictures">${section.pictures.map(stripFigure)}</div>` : undefined}
</section>
`;
}

// Names of metrics, and what stands in backticks, as code.
function paragraphs({ text, metrics, reference }: Section): Html[] {
  const names = new Set([...Object.keys(metrics), ...Object.keys(reference)]);
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => {
      const pieces = paragraph.split(/(`[^`]+`|\b[A-Za-z]\w*\b)/).map((piece) => {
        if (piece.length > 2 && piece.startsWith("`")) return html`<code>${piece.slice(1, -1)}</code>`;
        return names.has(piece) ? html`<code>${piece}</code>` : piece;
      });
      return html`<p class="prose">${pieces}</p>\n`;
    });
}

async function plotFigure(plot: Plot): Promise<Html> {
  return html`<figure><figcaption>${plot.title}</figcaption>${new Html(await plotSvg(plot))}</figure>
`;
}

function stripFigure({ title, png }: Strip): Html {
  const bytes = Buffer.from(png);
  if (bytes.length < 24 || bytes.toString("latin1", 0, 8) !== SIGNATURE) {
    return html`<figure class="picture"><figcaption>${title}: n/a</figcaption></figure>\n`;
  }
  // Where a PNG has its size, so that nothing moves while it is decoded.
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const source = `data:image/png;base64,${bytes.toString("base64")}`;
  return html`<figure class="picture"><figcaption>${title}</figcaption><div class="scrolled">
<img src="${source}" alt="${title}" width="${width}" height="${height}"></div></figure>
`;
}
