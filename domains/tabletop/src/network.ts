// A network in an ONNX file, on the CPU by onnxruntime-node, on one thread: the same bits whatever else runs.
import { basename } from "node:path";
import { OptionError } from "@worldstep/protocols";
import { InferenceSession, type Tensor } from "onnxruntime-node";

export type Feeds = Readonly<Record<string, Tensor>>;
/** Of each input by name, what each dimension is; `any` where the network may say. */
export type Shapes = Readonly<Record<string, readonly (number | "any")[]>>;

/** A network whose inputs and outputs are checked when it is opened. */
export class Network {
  private constructor(
    readonly session: InferenceSession,
    /** The shape of each input as the file has it; a dimension that it leaves open is a string or -1. */
    readonly inputs: ReadonlyMap<string, readonly (number | string)[]>,
  ) {}

  /**
   * The network in `file`. It may have only inputs of `inputs`, in these shapes, and must have all of `outputs`. Throws
   * `OptionError`: `network_missing` for a file that can't be loaded, `network_unfit` for other inputs or outputs.
   */
  static async open(file: string, inputs: Shapes, outputs: readonly string[]): Promise<Network> {
    const session = await InferenceSession.create(file, {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    }).catch((error: unknown) => {
      const remedy = "give the path of an ONNX file that onnxruntime can load";
      throw new OptionError("network_missing", `${file} can't be loaded`, remedy, { file }, { cause: error });
    });
    const found = new Map(session.inputMetadata.map((input) => [input.name, input.isTensor ? input.shape : []]));
    const what = unfitness(found, inputs) ?? missing(session.outputNames, outputs);
    if (what !== undefined) {
      await session.release();
      const wanted = Object.entries(inputs).map(([name, shape]) => `${name} [${shape.join(", ")}]`);
      const remedy = `export it with inputs among ${wanted.join(", ")} and outputs ${outputs.join(", ")}`;
      throw new OptionError("network_unfit", `${basename(file)} ${what}`, remedy, { file, inputs, outputs });
    }
    return new Network(session, found);
  }

  async run(feeds: Feeds): Promise<Feeds> {
    const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => this.inputs.has(name)));
    return (await this.session.run(used)) as Feeds;
  }

  close(): Promise<void> {
    return this.session.release();
  }
}

function unfitness(found: Network["inputs"], wanted: Shapes): string | undefined {
  for (const [name, shape] of found) {
    const fed = wanted[name];
    if (fed === undefined) return `wants an input "${name}"`;
    const isOpen = (n: number | string) => typeof n === "string" || n < 0;
    const fits = shape.every((n, i) => isOpen(n) || fed[i] === "any" || fed[i] === n);
    if (shape.length !== fed.length || !fits) return `wants ${name} in [${shape.join(", ")}]`;
  }
  return undefined;
}

function missing(found: readonly string[], outputs: readonly string[]): string | undefined {
  const name = outputs.find((output) => !found.includes(output));
  return name === undefined ? undefined : `has no output "${name}"`;
}
