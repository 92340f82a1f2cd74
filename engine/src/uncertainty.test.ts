// The uncertainty against PyTorch's golden vectors, and what it makes of a tick that is like no log.
import { beforeAll, describe, expect, it } from "vitest";
import { type Goldens, readGoldens, relativeError, row, TINY_WORLD } from "../../test/fixtures/worlds.js";
import { OrtBackend } from "./backends/ort/backend.js";
import { ReferenceBackend } from "./backends/reference/backend.js";
import { Networks } from "./networks.js";
import { FolderSource } from "./world/folder.js";
import { loadWorld } from "./world/world.js";

// The latent and the control of tick `i` of the goldens' rollout: tick 0 stands still where it is.
function tickOf(goldens: Goldens, i: number): { latent: Float32Array; control: Float32Array } {
  const actions = goldens.get("rollout.actions");
  const block = i === 0 ? new Float32Array(row(actions, 0).length) : row(actions, i - 1);
  const before = i === 0 ? row(goldens.get("encode.state"), 0) : row(goldens.get("rollout1.state"), i - 1);
  return { latent: row(goldens.get("rollout1.z"), i), control: Float32Array.from([...block, ...before]) };
}

describe.each([
  ["onnx runtime", () => new OrtBackend({ threads: 1 })],
  ["plain loops", () => new ReferenceBackend()],
] as const)("%s", (_, newBackend) => {
  let networks: Networks;
  let goldens: Goldens;
  beforeAll(async () => {
    goldens = await readGoldens();
    const backend = newBackend();
    networks = await Networks.open(await loadWorld(new FolderSource(TINY_WORLD)), backend, "fp32");
    return () => backend.close();
  });

  it("equals PyTorch's, to 1e-4", async () => {
    const expected = goldens.get("rollout1.uncertainty");
    const first = await networks.strangeness(tickOf(goldens, 0).latent);
    const got = await Promise.all(
      Array.from(expected.data, (_, i) => {
        const tick = tickOf(goldens, i);
        return networks.uncertainty(tick.latent, tick.control, first);
      }),
    );
    expect(relativeError(got as number[], expected.data)).toBeLessThan(1e-4);
  });

  it("is 1 for actions, a latent, or a first frame, such as no log has", async () => {
    const { latent, control } = tickOf(goldens, 1);
    const first = await networks.strangeness(tickOf(goldens, 0).latent);
    const far = (numbers: Float32Array) => numbers.map((x) => 50 * x);
    expect(await networks.uncertainty(latent, control, first)).toBeLessThan(1);
    expect(await networks.uncertainty(latent, far(control), first)).toBe(1);
    expect(await networks.uncertainty(far(latent), control, first)).toBe(1);
    expect(await networks.uncertainty(latent, control, await networks.strangeness(far(latent)))).toBe(1);
  });
});
