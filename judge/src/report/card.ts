// The verdict as a card: a page of Markdown that travels with the world.
import { type Asked, type Conclusion, conclusionsOf } from "../conclusions.js";
import type { Metric, Section, Verdict } from "../verdict.js";
import { ANSWERS, CAVEAT, evidence } from "./conclusions.js";
import { formatTogether } from "./numbers.js";

/** The card of a world: what it is, every metric with its interval, and what to type to measure it again. */
export function cardMarkdown(verdict: Verdict, asked: Asked): string {
  const { subject, command, versions, sections } = verdict;
  const facts = [["hash", subject.hash] as const, ...Object.entries(versions)];
  return `# ${subject.id}

${subject.description}

Judged against its simulator, by the command below. Where there are any: the 95 % interval, n samples, and
what the simulator itself scores when it is measured in the same way.

    ${command}

${facts.map(([name, value]) => `* ${name}: ${value}`).join("\n")}

## What may be concluded

${concluded(verdict, asked)}${CAVEAT}

${Object.values(sections).map(part).join("\n")}`;
}

function concluded(verdict: Verdict, asked: Asked): string {
  const found = conclusionsOf(verdict, asked);
  return (["yes", "no", "unknown"] as const)
    .map((answer) => {
      const lines = found.filter((one) => one.answer === answer).map((one) => line(one));
      return lines.length === 0 ? "" : `${ANSWERS[answer].title}:\n\n${lines.join("")}\n`;
    })
    .join("");
}

function line(conclusion: Conclusion): string {
  return `* ${conclusion.claim} \`${conclusion.metric}\` ${evidence(conclusion)}.\n`;
}

function part(section: Section): string {
  const rows = Object.keys(section.metrics).map((name) => row(name, section));
  return `## ${section.title}

${section.text}

| metric | value | 95 % interval | n | simulator |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function row(name: string, { metrics, reference }: Section): string {
  const { value, low, high, n, unit } = metrics[name] as Metric;
  const [shown, from, to] = formatTogether(low === undefined || high === undefined ? [value] : [value, low, high]);
  const [simulator = ""] = name in reference ? formatTogether([(reference[name] as Metric).value]) : [];
  const cells = [
    `\`${name}\``,
    `${shown} ${unit}`.trim(),
    from === undefined ? "" : `${from} to ${to}`,
    n ?? "",
    simulator,
  ];
  return `| ${cells.join(" | ")} |`;
}
