// Samples on disk, one line of JSON each, so that a run that was interrupted goes on where it was.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OptionError } from "@worldstep/protocols";
import type { Order } from "./domain.js";

export class SampleStore {
  readonly #samples = new Map<string, Map<number, unknown>>();

  private constructor(readonly folder: string) {}

  /**
   * The samples in `folder`, which is made if absent. They must have been made under the same `identity` (what was judged,
   * by what, how): throws `OptionError` (`eval_settings_differ`).
   */
  static open(folder: string, identity: Readonly<Record<string, unknown>>): SampleStore {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, "settings.json");
    const text = `${JSON.stringify(identity, null, 2)}\n`;
    if (existsSync(file) && readFileSync(file, "utf8") !== text) {
      const remedy = "give another --out, or remove the folder";
      throw new OptionError("eval_settings_differ", `${file} is of another world, version or setting`, remedy, {
        file,
      });
    }
    writeFileSync(file, text);
    return new SampleStore(folder);
  }

  /** The samples of `study` that there are, in order. */
  all(study: string): unknown[] {
    return [...this.#of(study)].sort(([a], [b]) => a - b).map(([, sample]) => sample);
  }

  has({ study, i }: Order): boolean {
    return this.#of(study).has(i);
  }

  add({ study, i }: Order, sample: unknown): void {
    const line = JSON.stringify({ i, sample });
    this.#of(study).set(i, parsed(line).sample); // as a later run will read it
    appendFileSync(this.#file(study), `${line}\n`);
  }

  #of(study: string): Map<number, unknown> {
    const known = this.#samples.get(study) ?? this.#read(study);
    this.#samples.set(study, known);
    return known;
  }

  // A last line without its end was cut off by the interrupt: it is dropped, and the file is made whole.
  #read(study: string): Map<number, unknown> {
    const file = this.#file(study);
    if (!existsSync(file)) return new Map();
    const text = readFileSync(file, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole !== text) writeFileSync(file, whole);
    const lines = whole.split("\n").filter((line) => line !== "");
    return new Map(lines.map(parsed).map(({ i, sample }) => [i, sample]));
  }

  #file(study: string): string {
    return join(this.folder, `${study}.jsonl`);
  }
}

// JSON has no NaN: what was one is null in the file. A number that a world could not give must not become a 0.
function parsed(line: string): { i: number; sample: unknown } {
  return JSON.parse(line, (_, value: unknown) => (value === null ? Number.NaN : value));
}
