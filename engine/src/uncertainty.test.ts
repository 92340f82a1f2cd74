// The uncertainty against PyTorch's golden vectors, and what it makes of a tick that is like no log.
import { expect, it } from "vitest";
import { type Goldens, readGoldens, relativeError, row, TINY_WORLD } from "../../test/fixtures/worlds.js";
import { Uncertainty } from "./uncertainty.js";
import { FolderSource } from "./world/folder.js";
import { loadWorld, type Weights } from "./world/world.js";

// The latent and the control of tick `i` of the goldens' rollout: tick 0 stands still where it is.
function tickOf(goldens: Goldens, i: number): { latent: Float32Array; control: Float32Array } {
  const actions = goldens.get("rollout.actions");
  const block = i === 0 ? new Float32Array(row(actions, 0).length) : row(actions, i - 1);
  const before = i === 0 ? row(goldens.get("encode.state"), 0) : row(goldens.get("rollout1.state"), i - 1);
  return { latent: row(goldens.get("rollout1.z"), i), control: Float32Array.from([...block, ...before]) };
}

it("equals PyTorch's, to 1e-3, and is 1 for actions, or a first frame, such as no log has", async () => {
  const goldens = await readGoldens();
  const uncertainty = new Uncertainty((await loadWorld(new FolderSource(TINY_WORLD))).uncertainty as Weights);
  const expected = goldens.get("rollout1.uncertainty");
  const first = uncertainty.strangeness(tickOf(goldens, 0).latent);
  const got = Array.from(expected.data, (_, i) => {
    const tick = tickOf(goldens, i);
    return uncertainty.of(tick.latent, tick.control, first);
  });
  expect(relativeError(got, expected.data)).toBeLessThan(1e-3);
  const tick = tickOf(goldens, 1);
  expect(
    uncertainty.of(
      tick.latent,
      tick.control.map((x) => 50 * x),
      first,
    ),
  ).toBe(1);
  expect(uncertainty.of(tick.latent, tick.control, 50)).toBe(1);
});
