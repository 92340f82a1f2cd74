// A network in an ONNX file, on the CPU by onnxruntime-node, on one thread: the same bits whatever else runs.
import { basename } from "node:path";
import { OptionError } from "@worldstep/protocols";
import { InferenceSession, type Tensor } from "onnxruntime-node";

export type Feeds = Readonly<Record<string, Tensor>>;

/** A network whose inputs and outputs are checked when it is opened. */
export class Network {
  private constructor(
    readonly session: InferenceSession,
    readonly inputs: readonly string[],
  ) {}

  /**
   * The network in `file`. It may have only inputs of `inputs`, and must have all of `outputs`. Throws `OptionError`:
   * `network_missing` for a file that can't be loaded, `network_unfit` for other inputs or outputs.
   */
  static async open(file: string, inputs: readonly string[], outputs: readonly string[]): Promise<Network> {
    const session = await InferenceSession.create(file, {
      executionProviders: ["cpu"],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
    }).catch((error: unknown) => {
      const remedy = "give the path of an ONNX file that onnxruntime can load";
      throw new OptionError("network_missing", `${file} can't be loaded`, remedy, { file }, { cause: error });
    });
    const unknown = session.inputNames.find((name) => !inputs.includes(name));
    const missing = outputs.find((name) => !session.outputNames.includes(name));
    if (unknown !== undefined || missing !== undefined) {
      await session.release();
      const what = unknown === undefined ? `has no output "${missing}"` : `wants an input "${unknown}"`;
      const remedy = `export it with inputs among ${inputs.join(", ")} and outputs ${outputs.join(", ")}`;
      throw new OptionError("network_unfit", `${basename(file)} ${what}`, remedy, { file, inputs, outputs });
    }
    return new Network(session, session.inputNames);
  }

  async run(feeds: Feeds): Promise<Feeds> {
    const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => this.inputs.includes(name)));
    return (await this.session.run(used)) as Feeds;
  }

  close(): Promise<void> {
    return this.session.release();
  }
}
