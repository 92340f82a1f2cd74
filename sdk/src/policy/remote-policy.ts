// A policy on an openpi server as a policy of this process.
import type { EnvSpec } from "@worldstep/protocols";
import { connectPolicy, type PolicyOptions, type RemotePolicy } from "./connect-policy.js";
import { defaultObservation, planOf } from "./drive.js";
import type { Policy } from "./policy.js";

/**
 * The policy on the server at `url`, asked once a tick: of its plan the first tick is acted out. The dialect `openpi` has no
 * reset, so there each episode has a connection of its own. Throws what `connectPolicy` and `RemotePolicy.infer` throw.
 */
export async function remotePolicy(url: string, spec: EnvSpec, options: PolicyOptions = {}): Promise<Policy> {
  const { dialect = "openpi" } = options;
  const [stride, size] = spec.actionSpace.shape as [number, number];
  const { low, high } = spec.actionSpace;
  let server: RemotePolicy = await connectPolicy(url, options);
  let fresh = true;
  return {
    reset: async (seed) => {
      if (dialect === "openpi" && !fresh) {
        server.close();
        server = await connectPolicy(url, options);
      }
      fresh = false;
      await server.reset({ seed });
    },
    act: async (observation) => {
      const rows = planOf(await server.infer(defaultObservation(observation)), size);
      const block = new Float32Array(stride * size);
      block.set(rows.subarray(0, block.length));
      return block.map((value) => Math.min(high, Math.max(low, value)));
    },
    close: async () => server.close(),
  };
}
