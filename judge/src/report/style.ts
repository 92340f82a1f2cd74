// How the report looks: light and dark, wide and narrow, and printed.

/** CSS of the page. It takes nothing from elsewhere: fonts are those of the system. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #fff; --ink: #1a1d21; --quiet: #5a636d; --rule: #d9dee3; --faint: #f4f6f8; --link: #0a58a8; --good: #0b6b4a; --bad: #a8330a;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #131619; --ink: #e4e7ea; --quiet: #99a3ad; --rule: #30363c; --faint: #1b1f23; --link: #7db9f3; --good: #4cc39a; --bad: #f0916a; }
  /* The darkest of the series' colours, lighter. */
  figure svg [stroke="#0072B2"] { stroke: #3389d6; }
  figure svg [fill="#0072B2"] { fill: #3389d6; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 1rem; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: 0.15em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: 0.875em; }
.page { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.015em; margin: 0.2rem 0 0.6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; line-height: 1.25; letter-spacing: -0.005em; margin: 0 0 0.6rem; }
h3 { font-size: 1rem; margin: 2rem 0 0.5rem; }
.kicker { margin: 0; color: var(--quiet); font-size: 0.875rem; }
.lead { font-size: 1.125rem; max-width: 44rem; margin: 0 0 1.5rem; }
.prose { max-width: 44rem; margin: 0 0 1rem; }
.quiet { color: var(--quiet); font-size: 0.875rem; }
section { margin-top: 3.5rem; }

.facts { margin: 2.5rem 0 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.3rem 1.25rem; font-size: 0.875rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.facts pre { margin: 0; white-space: pre-wrap; }
.facts pre span { display: inline-block; max-width: 100%; }
.facts pre, .facts code { font-size: 0.8125rem; }
.hash { display: inline-block; max-width: 13ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; vertical-align: bottom; cursor: help; }
.hash:hover, .hash:focus { max-width: 100%; white-space: normal; overflow-wrap: anywhere; }

nav { margin-top: 2rem; font-size: 0.9375rem; }
nav h2 { font-size: 0.875rem; font-weight: 400; color: var(--quiet); letter-spacing: 0; margin: 0 0 0.3rem; }
nav ol { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }

.tiles { list-style: none; margin: 1rem 0 1.5rem; padding: 0; display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 0.75rem; }
.tiles li { background: var(--faint); border-top: 3px solid var(--quiet); padding: 0.6rem 0.75rem 0.7rem; }
.tiles code { font-size: 0.75rem; overflow-wrap: anywhere; }
.tiles p { margin: 0; font-variant-numeric: tabular-nums lining-nums; }
.tiles .figure { font-size: 1.5rem; line-height: 1.3; font-weight: 600; white-space: nowrap; }
.tiles .figure .unit { font-size: 0.875rem; font-weight: 400; }
.tiles .quiet { font-size: 0.8125rem; }
.tiles .yes { border-color: var(--good); }
.tiles .no { border-color: var(--bad); }
.conclusions h3 { margin-top: 1.25rem; }
h3.yes { color: var(--good); }
h3.no { color: var(--bad); }
.answers { margin: 0; padding-left: 1.2rem; max-width: 52rem; }
.answers li { margin: 0.25rem 0; }
.answers + .prose { margin-top: 1.25rem; }

.scroll { overflow-x: auto; margin: 1rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.875rem; line-height: 1.4; font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; text-align: left; vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--quiet); white-space: nowrap; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tbody:last-child tr:last-child > * { border-bottom: 1.5px solid var(--ink); }
.c-name { width: 28%; } .c-value { width: 10%; } .c-interval { width: 18%; } .c-n { width: 6%; }
tbody th code { font-size: 0.93em; }
tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 9rem; }
.number { text-align: right; white-space: nowrap; }
td.world { font-weight: 600; }
.interval { white-space: nowrap; color: var(--quiet); }
.unit { color: var(--quiet); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 25rem), 1fr)); gap: 2rem 1.75rem; margin-top: 2rem; align-items: start; }
.plots:has(> :only-child) { grid-template-columns: minmax(0, 32rem); }
.pictures { display: flex; flex-wrap: wrap; gap: 1.25rem; margin-top: 2rem; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 0.9375rem; font-weight: 600; margin-bottom: 0.35rem; line-height: 1.35; }
figure svg { display: block; width: 100%; max-width: 32rem; height: auto; font-family: inherit; overflow: visible; }
figure svg text { font-family: inherit; }
.picture { max-width: 100%; min-width: 7rem; }
.picture figcaption { contain: inline-size; font-weight: 400; font-size: 0.875rem; color: var(--quiet); }
.picture img { display: block; image-rendering: pixelated; max-width: 100%; height: auto; }

@media (min-width: 84rem) {
  body.long .page { max-width: 78rem; display: grid; grid-template-columns: 12rem minmax(0, 62rem); column-gap: 3rem; }
  body.long .page > * { grid-column: 2; }
  body.long .page > nav { grid-column: 1; grid-row: 1 / span 40; margin: 0; position: sticky; top: 2.5rem; align-self: start; }
  body.long nav ol { display: block; }
  body.long nav li { margin: 0.3rem 0; }
}
@media (max-width: 40rem) {
  .page { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.7rem; }
  .facts { display: block; }
  .facts dd { margin-bottom: 0.6rem; }
  table { font-size: 0.8125rem; }
  col { width: auto !important; }
  th, td { padding-right: 0.7rem; }
  .scroll thead th:first-child, .scroll tbody th[scope="row"] { position: sticky; left: 0; background: var(--ground); z-index: 1; }
  tbody th { min-width: 7rem; max-width: 9.5rem; }
  .scrolled img { max-width: none; }
  .scrolled { overflow-x: auto; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --ink: #000; --quiet: #444; --rule: #ccc; --faint: #fff; --link: #000; --good: #000; --bad: #000; }
  body { font-size: 10pt; }
  .page { max-width: none; padding: 0; display: block; }
  nav { display: none; }
  section { margin-top: 2rem; }
  h2, h3, thead { break-after: avoid; }
  tr, figure, .metrics { break-inside: avoid; }
  .prose { break-after: avoid; }
  .scroll { overflow: visible; }
  .hash { max-width: 100%; white-space: normal; overflow-wrap: anywhere; }
  a { text-decoration: none; }
  table { font-size: 8pt; }
  .plots, .plots:has(> :only-child) { grid-template-columns: 1fr 1fr; }
  figure svg [stroke="#0072B2"] { stroke: #0072B2; }
  figure svg [fill="#0072B2"] { fill: #0072B2; }
}
`;
