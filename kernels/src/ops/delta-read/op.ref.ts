import { at, dense } from "../../dense.js";
import type { Reference } from "../../reference-op.js";
import { activate } from "../activation.js";
import { unit } from "../rms/op.ref.js";
import type { DeltaRead } from "./op.js";

export const deltaReadReference: Reference<DeltaRead> = ({ in: inputs, out, attributes: { heads: N } }, values) => {
  const [x, state, y] = [values.read(inputs.x), values.read(inputs.state), dense(values.shape(out.y))];
  const [B, W] = [x.shape[0] as number, y.shape.at(-1) as number];
  const [D, tokens] = [W / N, y.data.length / W];
  for (let token = 0; token < tokens; token++) {
    const b = Math.floor((token * B) / tokens);
    for (let n = 0; n < N; n++) {
      const from = token * 4 * W + n * D;
      const query = unit(x.data.subarray(from, from + D)).map((q) => q / Math.sqrt(D));
      const shown = unit(
        Float64Array.from({ length: D }, (_, d) =>
          query.reduce((sum, q, i) => sum + q * at(state, ((b * N + n) * D + i) * D + d), 0),
        ),
      );
      for (const [d, seen] of shown.entries()) {
        y.data[token * W + n * D + d] = seen * activate.silu(at(x, from + 3 * W + d));
      }
    }
  }
  return { y };
};
