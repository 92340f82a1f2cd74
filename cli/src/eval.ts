// `worldstep eval`: how good a world is, judged against the simulator; see docs/judge.md.
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Metrics, SubjectName, Verdict } from "@worldstep/judge";
import { OptionError } from "@worldstep/protocols";
import { Command } from "commander";
import { formatMetrics } from "./metrics.js";
import { share, wholeNumber } from "./numbers.js";
import { readyFile, readyFolder } from "./output.js";
import { progressBar } from "./progress.js";
import { ownVersion, versionOf } from "./versions.js";

/** Judged as a world, it shows what a perfect one would score. */
const SIMULATOR = "simulator";
/** The domain of the worlds that ship. */
const TABLETOP_DOMAIN = "@worldstep/tabletop/domain";
/** Of the experiments of a full judgement. */
const QUICK = 0.1;

interface Options {
  readonly seed: number;
  readonly only?: string;
  readonly quick: boolean;
  readonly scale?: number;
  readonly rollouts?: number;
  readonly nfe?: number;
  readonly size?: number;
  readonly policies?: string;
  readonly domain: string;
  readonly out?: string;
  readonly workers?: number;
  readonly card: boolean;
  readonly json: boolean;
}

export function evalCommand(): Command {
  return new Command("eval")
    .description(
      "Judge a world against the simulator, on seeds that no training episode has: a report in HTML and JSON, each number " +
        "with its 95 % interval.",
    )
    .argument("<world>", `folder of the world; or "${SIMULATOR}", to see what a perfect one scores`)
    .option(
      "--only <parts>",
      "some parts, separated by commas; of the tabletop: fidelity, obedience, lookingAhead, uncertainty, physics, horizon, reward, ranking, training, cost",
    )
    .option("--quick", `a tenth of the experiments: minutes, and wider intervals; the same as --scale ${QUICK}`, false)
    .option("--scale <share>", "what share of the experiments, above 0 and up to 1", share)
    .option("--seed <n>", "which held-out episodes", wholeNumber(0, 1000), 1)
    .option("--rollouts <n>", "open-loop rollouts; default 64, with --quick 6", wholeNumber(2, 10_000))
    .option("--nfe <n>", "denoiser evaluations a tick, instead of the world's default", wholeNumber(1))
    .option(
      "--size <pixels>",
      "sides of the simulator's frames, where it is judged as a world; default 64",
      wholeNumber(1),
    )
    .option("--policies <dir>", "folder of the policies to rank; default those that come with worldstep")
    .option(
      "--domain <module>",
      "what is known of the reality that worlds are held against: a module of npm or a file",
      TABLETOP_DOMAIN,
    )
    .option("--out <dir>", "folder of the report, and of the samples that an interrupted run goes on from")
    .option("--workers <n>", "processes; default one a core", wholeNumber(1, 1024))
    .option("--card", "also write the world's card.md, in its folder: what was measured of it", false)
    .option("--json", "print one JSON object, as the last line", false)
    .action(run);
}

async function run(folder: string, options: Options): Promise<void> {
  const { cardMarkdown, conclusionsOf, judge, openDomain, openSubject, partsNamed, reportHtml } = await import(
    "@worldstep/judge"
  );
  const { seed, rollouts, nfe, size, policies, workers } = options;
  if (options.card && (folder === SIMULATOR || options.only !== undefined)) {
    throw new OptionError("option_card", "a card is of a world and of all parts", "leave out --card or --only", {});
  }
  if (folder === SIMULATOR && nfe !== undefined) {
    throw new OptionError("option_nfe", "the simulator samples nothing", "leave out --nfe", { nfe });
  }
  if (folder !== SIMULATOR && size !== undefined) {
    throw new OptionError("option_size", "a world's frames have the size that they have", "leave out --size", { size });
  }
  const scale = scaleOf(options);
  const module = moduleOf(options.domain);
  const domain = await openDomain(module);
  const only = options.only === undefined ? undefined : partsNamed(options.only, domain);
  const parts = only === undefined ? "" : `-${only.join("-")}`; // the whole report stays beside those of some parts
  const name = nameOf(folder, nfe, size);
  const subject = await openSubject(name, domain);
  const out = options.out ?? join("out", "eval", `${subject.id}-${subject.hash.slice(0, 8)}${suffix(options)}`);
  const progress = progressBar("eval", "ticks");
  try {
    await readyFolder(out);
    if (options.card) await readyFile(join(folder, "card.md"));
    const verdict = await judge({
      domain,
      subject,
      name: { subject: name, domain: module },
      seed,
      scale,
      out: join(out, "samples"),
      command: commandOf(folder, options),
      versions: versions(),
      onProgress: progress.update,
      ...(policies !== undefined && { policies }),
      ...(only !== undefined && { only }),
      ...(rollouts !== undefined && { rollouts }),
      ...(workers !== undefined && { workers }),
    });
    progress.stop();
    const report = join(out, `report${parts}.html`);
    await writeFile(report, await reportHtml(verdict, domain));
    const metrics = metricsOf(verdict);
    const conclusions = conclusionsOf(verdict, domain).map(({ found: _, headline: __, ...conclusion }) => conclusion);
    await writeFile(
      join(out, `metrics${parts}.json`),
      `${JSON.stringify({ ...verdict, sections: undefined, conclusions, metrics }, null, 2)}\n`,
    );
    process.stderr.write(`report: ${report}\n`);
    if (options.card) await writeFile(join(folder, "card.md"), cardMarkdown(verdict, domain));
    process.stdout.write(formatMetrics(metrics, options.json));
  } finally {
    progress.stop();
  }
}

function nameOf(folder: string, nfe: number | undefined, size: number | undefined): SubjectName {
  if (folder === SIMULATOR) return { kind: "reality", ...(size !== undefined && { size }) };
  return { kind: "world", folder, ...(nfe !== undefined && { nfe }) };
}

/** `domain` as any process of the judge imports it: a module of npm is found from here, a file from the working folder. */
function moduleOf(domain: string): string {
  if (/^[./]/.test(domain)) return pathToFileURL(domain).href;
  try {
    return import.meta.resolve(domain);
  } catch (cause) {
    const remedy = "install it, or give a file, beginning with . or /";
    throw new OptionError("option_domain", `there is no module ${domain}`, remedy, { domain }, { cause });
  }
}

function scaleOf({ quick, scale }: Pick<Options, "quick" | "scale">): number {
  return scale ?? (quick ? QUICK : 1);
}

function commandOf(folder: string, { seed, rollouts, nfe, size, only, policies, ...options }: Options): string {
  const scale = scaleOf(options);
  const domain = options.domain === TABLETOP_DOMAIN ? undefined : options.domain;
  const settings = { domain, only, scale: scale < 1 ? scale : undefined, seed, rollouts, nfe, size, policies };
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const words = given.flatMap(([name, value]) => [`--${name}`, quoted(String(value))]);
  return ["worldstep eval", quoted(folder), ...words].join(" ");
}

/** As one word of a POSIX shell. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

// What makes the samples others than those of the plain command.
function suffix({ seed, rollouts, nfe, size, policies, ...options }: Options): string {
  const scale = scaleOf(options);
  const parts = [
    `seed${seed}`,
    scale < 1 && `scale${scale}`,
    rollouts && `rollouts${rollouts}`,
    nfe && `nfe${nfe}`,
    size && `size${size}`,
    policies && basename(policies),
  ];
  return `-${parts.filter(Boolean).join("-")}`;
}

function versions(): Record<string, string> {
  const [cpu] = cpus();
  return {
    worldstep: ownVersion(),
    "onnxruntime-node": versionOf("onnxruntime-node"),
    node: process.version,
    machine: `${cpu?.model.trim()}, ${cpus().length} cores`,
  };
}

/** The metrics of all parts, each with what the simulator itself scored where that was measured. */
function metricsOf({ sections }: Verdict): Metrics {
  return Object.assign(
    {},
    ...Object.values(sections).map(({ metrics, reference }) =>
      Object.fromEntries(
        Object.entries(metrics).map(([name, metric]) => {
          const { value } = reference[name] ?? {};
          return [name, value === undefined ? metric : { ...metric, simulator: value }];
        }),
      ),
    ),
  );
}
