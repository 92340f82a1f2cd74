// The judge: what is to be found out becomes experiments, experiments become samples, samples become a verdict.
import { OptionError } from "@worldstep/protocols";
import { openBench } from "./bench.js";
import type { Bench, Domain, Order, Part, Samples, Settings } from "./domain.js";
import { studyOf } from "./open-domain.js";
import type { SubjectName } from "./open-subject.js";
import { SampleStore } from "./sample-store.js";
import type { Subject } from "./subject.js";
import type { Section, Verdict } from "./verdict.js";
import { doOrders } from "./workers.js";

export interface JudgeOptions extends Settings {
  /** What is known of the reality that the subject stands for. */
  readonly domain: Domain;
  /** Taken over: it is closed in the end. */
  readonly subject: Subject;
  /** How other processes open the same; without it, this one alone judges. */
  readonly name?: JudgedName;
  /** Which parts; default all. */
  readonly only?: readonly string[];
  /** Folder for the samples: a run that was interrupted goes on from them. */
  readonly out: string;
  /** Processes; default one a core. */
  readonly workers?: number;
  /** What to type to do it again, for the verdict. */
  readonly command?: string;
  /** Versions of what runs, and the machine, for the verdict. Samples of other versions are not gone on from. */
  readonly versions: Readonly<Record<string, string>>;
  /** Called as experiments get done: ticks of them all, dreamed and simulated, about. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** A subject and its domain in words that can be sent to another process. */
export interface JudgedName {
  readonly subject: SubjectName;
  /** The module whose default export is the domain, as `import()` takes it in any process. */
  readonly domain: string;
}

/** What a sample holds: to be raised when a study's samples change, or the episodes that they are of. */
const SAMPLES = 3;

/**
 * Judges a subject. The same subject, settings, versions and machine give the same verdict (but for the cost), however many
 * processes work and however often it was interrupted. Throws what a study throws, and `OptionError`
 * (`eval_settings_differ`, `eval_world_unfit`).
 */
export async function judge(options: JudgeOptions): Promise<Verdict> {
  const { domain, subject, name: named, out, command = "", versions, workers } = options;
  const { only = Object.keys(domain.parts) } = options;
  const { onProgress = () => {} } = options;
  const settings = settingsOf(options);
  const { id, description, hash } = subject;
  const nfe = named?.subject.kind === "world" ? named.subject.nfe : undefined;
  const bench = await openBench(domain, subject, settings).catch(async (error: unknown) => {
    await subject.close();
    throw error;
  });
  try {
    const identity = {
      samples: SAMPLES,
      ...settings,
      domain: domain.id,
      subject: { id, hash },
      nfe,
      policies: bench.folder.hash,
      probe: bench.probe.hash, // and so the size of frames
      versions,
    };
    const store = SampleStore.open(out, identity);
    const studies = [...new Set(only.flatMap((name) => partOf(domain, name).studies))];
    const orders = await ordersOf(studies, bench, store);
    const progress = new TickCount(orders, bench, onProgress);
    const onTicks = (order: Order, ticks: number) => progress.further(order, ticks);
    const onSample = (order: Order, sample: unknown) => {
      store.add(order, sample);
      progress.done(order);
    };
    // What is measured in seconds goes first, alone.
    const alone = (order: Order) => order.study === "cost" || named === undefined;
    for (const order of orders.open.filter(alone)) {
      onSample(order, await studyOf(domain, order.study).run(bench, order.i, (ticks) => onTicks(order, ticks)));
    }
    const shared = orders.open.filter((order) => !alone(order));
    if (named !== undefined) await doOrders({ ...named, settings }, shared, workers, { onTicks, onSample });
    const samples: Samples = Object.fromEntries(Object.keys(domain.studies).map((name) => [name, store.all(name)]));
    const { stride, fps } = subject.spec;
    const sections = only.map((part): [string, Section] => {
      return [part, partOf(domain, part).section(samples, { seed: settings.seed, tickSeconds: stride / fps })];
    });
    return {
      subject: { id, description, hash },
      command,
      versions,
      sections: Object.fromEntries(sections),
    };
  } finally {
    await bench.close();
  }
}

/** The parts of `domain` that `text` names, separated by commas. Throws `OptionError` (`option_parts`). */
export function partsNamed(text: string, domain: Pick<Domain, "parts">): string[] {
  const parts = Object.keys(domain.parts);
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !parts.includes(name));
  if (unknown !== undefined) {
    throw new OptionError("option_parts", `there is no part "${unknown}"`, `choose among ${parts.join(", ")}`, {
      parts,
    });
  }
  return parts.filter((name) => names.includes(name));
}

function partOf({ parts }: Domain, name: string): Part {
  const part = parts[name];
  if (part === undefined) throw new Error(`the domain has no part ${name}`);
  return part;
}

function settingsOf({ seed, policies, scale, rollouts }: Settings): Settings {
  return {
    seed,
    ...(policies !== undefined && { policies }),
    scale,
    ...(rollouts !== undefined && { rollouts }),
  };
}

/** Counts the ticks of experiments that are done, and of those that are under way. */
class TickCount {
  #done: number;
  readonly #total: number;
  readonly #underWay = new Map<Order, number>();

  constructor(
    orders: { readonly all: readonly Order[]; readonly open: readonly Order[] },
    readonly bench: Bench,
    readonly onProgress: (done: number, total: number) => void,
  ) {
    const all = (list: readonly Order[]) => list.reduce((sum, order) => sum + this.#ticks(order), 0);
    this.#total = all(orders.all);
    this.#done = this.#total - all(orders.open);
    this.#tell();
  }

  further(order: Order, ticks: number): void {
    const soFar = (this.#underWay.get(order) ?? 0) + ticks;
    this.#underWay.set(order, Math.min(soFar, this.#ticks(order)));
    this.#tell();
  }

  done(order: Order): void {
    this.#underWay.delete(order);
    this.#done += this.#ticks(order);
    this.#tell();
  }

  #ticks({ study }: Order): number {
    return studyOf(this.bench.domain, study).ticks(this.bench);
  }

  #tell(): void {
    const underWay = [...this.#underWay.values()].reduce((sum, ticks) => sum + ticks, 0);
    this.onProgress(Math.round(this.#done + underWay), Math.round(this.#total));
  }
}

// Long experiments first, so that no process is left with one at the end.
async function ordersOf(studies: readonly string[], bench: Bench, store: SampleStore) {
  const all: Order[] = [];
  for (const study of studies) {
    const count = await studyOf(bench.domain, study).count(bench);
    for (let i = 0; i < count; i++) all.push({ study, i });
  }
  const ticks = ({ study }: Order) => studyOf(bench.domain, study).ticks(bench);
  all.sort((a, b) => ticks(b) - ticks(a));
  return { all, open: all.filter((order) => !store.has(order)) };
}
