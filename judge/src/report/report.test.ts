import { tabletop } from "@worldstep/tabletop/domain";
import { PNG } from "pngjs";
import { expect, test } from "vitest";
import { conclusionsOf } from "../conclusions.js";
import type { Plot, Section, Verdict } from "../verdict.js";
import { cardMarkdown } from "./card.js";
import { formatTogether } from "./numbers.js";
import { plotPng, plotSvg } from "./plots.js";
import { reportHtml } from "./report.js";

const VOID = new Set(["meta", "img", "col", "wbr", "br"]);
const HOSTILE = `<script>alert("x")</script> & 'more' $& $1`;

const curves: Plot = {
  title: "Error",
  x: "time (s)",
  y: "error (cm)",
  kind: "lines",
  logarithmic: true,
  series: ["dream", "simulator"].map((name, k) => ({
    name,
    points: [6, 60, 600, 3600].map((x) => ({ x, y: k + Math.log(x), low: k, high: k + 10 })),
  })),
};
const scatter: Plot = {
  title: "Policies",
  x: "success in the simulator",
  y: "success in the dream",
  kind: "points",
  diagonal: true,
  series: [
    {
      name: "stack",
      points: [0.1, 0.5, 0.9].map((x, i) => ({ x, y: x * x, low: 0, high: 1, label: `policy ${i}` })),
    },
  ],
};

function png(width: number, height: number): Uint8Array {
  return new Uint8Array(PNG.sync.write(new PNG({ width, height })));
}

function section(given: Partial<Section>): Section {
  return { title: "Part", text: "What was done.", metrics: {}, reference: {}, plots: [], pictures: [], ...given };
}

function verdict(sections: Verdict["sections"]): Verdict {
  const hash = "3f2a9c1be07d44a8812ce55a9d0be7f9c3aa61f00d3be9a16c2fa4c8d0f1e2b3";
  return {
    subject: { id: "tabletop", description: "An arm and three cubes.", hash },
    command: "worldstep eval worlds/tabletop --policies 'my policies'",
    versions: { worldstep: "0.1.0", machine: "a CPU, 2 cores" },
    sections,
  };
}

const rich = verdict({
  fidelity: section({
    title: "Fidelity",
    text: "openLoopPsnr is of `pixels`.\n\nSecond paragraph.",
    metrics: {
      openLoopPsnr: { value: 26.314, unit: "dB", low: 25.52, high: 27.1, n: 1064 },
      bare: { value: 7, unit: "" },
    },
    reference: {
      openLoopPsnr: { value: 41.27, unit: "dB", low: 40.1, high: 42.3 },
      beside: { value: 0.125, unit: "m" },
    },
    plots: [curves, scatter],
    pictures: [
      { title: "A strip", png: png(20, 10) },
      { title: "Lost", png: new Uint8Array() },
    ],
  }),
  cost: section({
    title: "Cost",
    metrics: { rate: { value: Number.NaN, unit: "1/s", low: Number.NaN, high: Number.NaN } },
  }),
});

const TAG = /<(\/?)([a-zA-Z]\w*)(?:\s[\w:-]+(?:="[^"<>]*")?)*\s*(\/?)>/g;

/** Throws where an element isn't closed, or another is, or where there is half a tag. */
function parse(page: string): void {
  const open: string[] = [];
  const markup = page.replace(/<style>[\s\S]*?<\/style>/g, "").replace("<!doctype html>", "");
  for (const [tag, closing, name = "", self] of markup.matchAll(TAG)) {
    if (self === "/" || VOID.has(name)) continue;
    if (closing === "") open.push(name);
    else if (open.pop() !== name) throw new Error(`${tag} closes another element`);
  }
  expect(open).toEqual([]);
  expect(markup.replace(TAG, "")).not.toMatch(/[<>]/);
}

/** As a reader sees it, with one space between words. */
function textOf(page: string): string {
  return page
    .replace(/<(style|svg)[\s\S]*?<\/\1>/g, "")
    .replace(/<wbr>/g, "")
    .replace(/<\/?(data|code|span)[^>]*>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&nbsp;|\s+/g, " ");
}

test("a report says each value, its interval, the simulator's own and how to do it again", async () => {
  const page = await reportHtml(rich, tabletop);
  parse(page);
  const text = textOf(page);
  expect(text.split("openLoopPsnr 26.31 [25.52, 27.10] 41.3 [40.1, 42.3] 1,064 dB")).toHaveLength(2); // once

  expect(page).toContain('<data value="26.314">26.31</data>');
  expect(text).toMatch(/bare 7 +/);
  expect(text).toMatch(/beside +0\.125 +m/);
  expect(text).toMatch(/rate n\/a n\/a +1\/s/);
  expect(text).not.toContain("NaN");
  expect(text).toContain("worldstep eval worlds/tabletop --policies &#39;my policies&#39;");
  for (const part of [rich.subject.hash, rich.subject.description, "a CPU, 2 cores", "Second paragraph."]) {
    expect(text).toContain(part);
  }
  expect(page).toContain("<code>openLoopPsnr</code> is of <code>pixels</code>.");
});

test("a card says the same in Markdown", () => {
  const card = cardMarkdown(rich, tabletop);
  expect(card).toContain("| `openLoopPsnr` | 26.31 dB | 25.52 to 27.10 | 1064 | 41.3 |");
  expect(card).toContain("| `bare` | 7 |  |  |  |");
  for (const part of [rich.subject.hash, rich.subject.description, rich.command, "## Cost", "a CPU, 2 cores"]) {
    expect(card).toContain(part);
  }
});

const judged = verdict({
  obedience: section({
    metrics: {
      endEffectorErrorTick25: { value: 1.76, unit: "cm", low: 1.24, high: 2.46, n: 64 },
      objectErrorTick10: { value: 3.2, unit: "cm", low: 2.2, high: 4.5, n: 47 },
    },
    reference: { endEffectorErrorTick25: { value: 0.806, unit: "cm" } },
  }),
  uncertainty: section({
    metrics: { uncertaintyAstrayAuroc: { value: 0.6, unit: "area", low: 0.52, high: 0.74, n: 64 } },
  }),
  horizon: section({ metrics: { driftMinutes: { value: 60, unit: "min", n: 4 } } }),
  ranking: section({
    metrics: {
      rankingPearson: { value: 0.975, unit: "r", low: 0.964, high: 0.983, n: 50 },
      "rankingPearson reach": { value: Number.NaN, unit: "r", n: 1 },
      "rankingPearson push": { value: 1, unit: "r", n: 50 },
    },
  }),
});

test("what may be concluded: what is asked, on the right side with the whole interval", () => {
  const answers = conclusionsOf(judged, tabletop).map(({ metric, answer }) => [metric, answer]);
  expect(answers).toEqual([
    ["rankingPearson", "yes"],
    ["endEffectorErrorTick25", "yes"],
    ["objectErrorTick10", "unknown"], // 2.5 cm is within
    ["driftMinutes", "unknown"], // four plays that agree
    ["uncertaintyAstrayAuroc", "no"],
    ["rankingPearson reach", "unknown"], // one policy has no rank
    ["rankingPearson push", "yes"], // fifty that agree
  ]);
});

test("the report begins with a verdict: in words, and in five numbers with arrows", async () => {
  const page = await reportHtml(judged, tabletop);
  parse(page);
  const text = textOf(page);
  const top = text.slice(0, text.indexOf("To reproduce"));
  expect(page.match(/<p class="figure">/g)).toHaveLength(5);
  expect(text).toContain("endEffectorErrorTick25 ↓ 1.76 cm [1.24, 2.46], simulator 0.806 ✓ asked: ≤ 3");
  expect(text).toContain("uncertaintyAstrayAuroc ↑ 0.60 area [0.52, 0.74] ✗ asked: ≥ 0.8");
  expect(text).toContain("driftMinutes ↑ 60 min no interval ? asked: ≥ 10");
  expect(top.indexOf("✓ May be concluded")).toBeGreaterThan(0);
  expect(top.indexOf("✗ May not be concluded")).toBeGreaterThan(top.indexOf("✓ May be concluded"));
  expect(top).toContain("rankingPearson 0.9750 r [0.9640, 0.9830], n = 50; at least 0.9 is asked");
  expect(top).toContain("rankingPearson reach n/a r, n = 1; at least 0.9 is asked");
  expect(top).toContain("Not asked, so not known: fidelity, lookingAhead, physics, reward, training, cost.");
  expect(cardMarkdown(judged, tabletop)).toContain(
    "May not be concluded:\n\n* Its uncertainty tells where it has gone astray (0.5 is chance). `uncertaintyAstrayAuroc` 0.60 area",
  );
});

test("plots and pictures are in the file itself", async () => {
  const page = await reportHtml(rich, tabletop);
  expect(page.match(/<svg /g)).toHaveLength(2);
  expect(page.match(/<svg role="img" aria-label="[^"]+"/g)).toHaveLength(2);
  expect(page.match(/<img src="data:image\/png;base64,[\w+/=]+" alt="A strip" width="20" height="10">/g)).toHaveLength(
    1,
  );
  expect(page).toContain("Lost: n/a");
  expect(page).not.toMatch(/<script|<link|(src|href)="(?!#|data:)/);
});

test("links lead to sections, and ids are given once", async () => {
  const page = await reportHtml(rich, tabletop);
  const ids = [...page.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const links = [...page.matchAll(/href="#([^"]*)"/g)].map(([, id]) => id);
  expect(links.length).toBe(3); // the verdict, and two parts
  for (const link of links) expect(ids).toContain(link);
});

test("the same verdict gives the same report, whatever was drawn before", async () => {
  const first = await reportHtml(rich, tabletop);
  await plotPng(scatter);
  expect(await reportHtml(rich, tabletop)).toBe(first);
});

test("texts of a verdict are never markup", async () => {
  const metric = { value: 1, unit: HOSTILE };
  const series = [HOSTILE, "other"].map((name) => ({ name, points: [{ x: 1, y: 2, label: HOSTILE }] }));
  const plot: Plot = { title: HOSTILE, x: HOSTILE, y: HOSTILE, kind: "points", series };
  const hostile = section({
    title: HOSTILE,
    text: `${HOSTILE} \`${HOSTILE}\``,
    metrics: { [HOSTILE]: metric },
    reference: { [HOSTILE]: metric },
    plots: [plot, { ...plot, kind: "lines" }],
    pictures: [{ title: HOSTILE, png: png(1, 1) }],
  });
  const all = {
    subject: { id: HOSTILE, description: HOSTILE, hash: HOSTILE },
    command: HOSTILE,
    versions: { [HOSTILE]: HOSTILE },
    sections: { [HOSTILE]: hostile, other: hostile },
  };
  const page = await reportHtml(all, tabletop);
  parse(page);
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)");
});

test("ticks in the hundreds are written out", async () => {
  const points = [380, 450, 700, 770].map((x) => ({ x, y: x }));
  const svg = await plotSvg({ title: "t", x: "steps", y: "y", kind: "lines", series: [{ name: "s", points }] });
  expect(svg).toContain(">450<");
  expect(svg).not.toContain("e+");
});

test("a verdict without sections, and one with one, have no contents", async () => {
  for (const sections of [{}, { cost: section({ title: "Cost" }) }]) {
    const page = await reportHtml(verdict(sections), tabletop);
    parse(page);
    expect(page).not.toContain("<nav");
    expect(page).not.toContain("<table");
  }
});

test("plots are drawn whatever their points are", async () => {
  const nothing = [Number.NaN, Number.POSITIVE_INFINITY].map((y, x) => ({ x, y, low: Number.NaN, high: 1 }));
  const kinds = ["lines", "points"] as const;
  for (const kind of kinds) {
    for (const [logarithmic, diagonal] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const) {
      for (const points of [
        [],
        nothing,
        [{ x: 3, y: 3 }],
        [
          { x: -1, y: -2, low: -3, high: 0 },
          { x: 0, y: 0 },
          { x: 1e9, y: 1e-9 },
        ],
      ]) {
        const series = Array.from({ length: 30 }, (_, i) => ({ name: `series ${i}`, points }));
        const svg = await plotSvg({ title: "t", x: "x", y: "y", kind, logarithmic, diagonal, series });
        expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
      }
    }
  }
});

test("points of a scatter say what they are, beside them and when pointed at", async () => {
  const svg = await plotSvg(scatter);
  expect(svg).toContain(
    "<title>policy 1&#xA;success in the simulator: 0.5&#xA;success in the dream: 0.25 [0.00, 1.00]</title>",
  );
  expect(svg).toContain(">policy 1</text>");
});

test("a plot as PNG", async () => {
  const bytes = await plotPng(curves);
  expect([...bytes.slice(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const { width, height, data } = PNG.sync.read(Buffer.from(bytes));
  expect(width).toBeGreaterThan(800);
  expect(height).toBeGreaterThan(500);
  expect([...data.subarray(0, 4)]).toEqual([255, 255, 255, 255]);
  const dark = data.filter((value, i) => i % 4 === 0 && value < 100).length;
  expect(dark, "letters").toBeGreaterThan(500);
});

test("numbers that are read together have equally many decimals", () => {
  expect(formatTogether([26.314, 25.52, 27.1])).toEqual(["26.31", "25.52", "27.10"]);
  expect(formatTogether([9.31, 7.9, 10.7])).toEqual(["9.3", "7.9", "10.7"]);
  expect(formatTogether([0.0021, 0.00105, 0.00315])).toEqual(["0.0021", "0.0011", "0.0032"]);
  expect(formatTogether([-0.5, -0.75, 0.1])).toEqual(["−0.50", "−0.75", "0.10"]);
  expect(formatTogether([12345])).toEqual(["12,345"]);
  expect(formatTogether([0.000012])).toEqual(["1.20e−5"]);
  expect(formatTogether([0, Number.NaN, Number.NEGATIVE_INFINITY])).toEqual(["0", "n/a", "−∞"]);
});
