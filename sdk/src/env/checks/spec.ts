// The spec makes sense in itself.
import { DETERMINISM, stateName } from "@worldstep/protocols";
import type { NamedCheck } from "./check.js";
import { expect, expectEqual } from "./expect.js";

export const specChecks: readonly NamedCheck[] = [
  [
    "spec: rates",
    async ({ open }) => {
      const { spec } = await open();
      expect(spec.id !== "", "id is empty");
      expect(spec.fps > 0 && Number.isFinite(spec.fps), `fps is ${spec.fps}`);
      expect(Number.isInteger(spec.stride) && spec.stride > 0, `stride is ${spec.stride}`);
      expect(Number.isInteger(spec.maxTicks) && spec.maxTicks >= 0, `maxTicks is ${spec.maxTicks}`);
    },
  ],
  [
    "spec: spaces",
    async ({ open }) => {
      const { spec } = await open();
      const boxes = { ...spec.observationSpace.spaces, action: spec.actionSpace };
      for (const [name, { shape, low, high }] of Object.entries(boxes)) {
        const whole = shape.every((size) => Number.isInteger(size) && size > 0);
        expect(whole, `shape of ${name} is [${shape.join(", ")}]`);
        expect(low < high, `bounds of ${name} are [${low}, ${high}]`);
      }
      const { frames } = spec.observationSpace.spaces;
      if (frames !== undefined) {
        expectEqual(frames.dtype, "uint8", "dtype of frames");
        expect(frames.shape.length === 4 && frames.shape[3] === 3, `shape of frames is [${frames.shape.join(", ")}]`);
        expectEqual(frames.shape[0], spec.stride, "frames an observation");
      }
      expectEqual(spec.actionSpace.dtype, "float32", "dtype of actions");
      expectEqual(spec.actionSpace.shape[0], spec.stride, "rows of an action block");
    },
  ],
  [
    "spec: names",
    async ({ open }) => {
      const { spec } = await open();
      expectEqual(spec.action.length, spec.actionSpace.shape[1], "number of action channels");
      const { proprioception } = spec.observationSpace.spaces;
      expectEqual(spec.proprioception.length, proprioception?.shape[0] ?? 0, "number of proprioception names");
      const told = spec.state.slice(0, spec.proprioception.length).map(stateName);
      if (told.length > 0) expectEqual(told, spec.proprioception, "the first state channels");
      expect(spec.tasks.length > 0, "there is no task");
      expectEqual(new Set(spec.tasks).size, spec.tasks.length, "number of different tasks");
      expectEqual(new Set(spec.starts).size, spec.starts.length, "number of different starts");
    },
  ],
  [
    "spec: cameras",
    async ({ open }) => {
      const { cameras, observationSpace, stride, determinism } = (await open()).spec;
      for (const { name, key, height, width } of cameras) {
        const { dtype, shape } = observationSpace.spaces[key] ?? {};
        expectEqual(
          { dtype, shape },
          { dtype: "uint8", shape: [stride, height, width, 3] },
          `frames of camera ${name}`,
        );
      }
      expectEqual(new Set(cameras.map(({ name }) => name)).size, cameras.length, "number of different cameras");
      expect(DETERMINISM.includes(determinism), `determinism is ${determinism}`);
    },
  ],
  [
    "spec: nfe",
    async ({ open }) => {
      const { nfe } = (await open()).spec;
      if (nfe === undefined) return;
      expect(nfe.min >= 1 && nfe.min <= nfe.default && nfe.default <= nfe.max, `nfe is ${JSON.stringify(nfe)}`);
    },
  ],
  [
    "spec: chunk",
    async ({ open }) => {
      const env = await open();
      const { chunk } = env.spec;
      expect(chunk === undefined || (Number.isInteger(chunk) && chunk >= 1), `chunk is ${chunk}`);
      expect(chunk === undefined || env.stepChunk !== undefined, "the spec has a chunk, and the env no stepChunk");
    },
  ],
  [
    "spec: plain data, the same for each env",
    async ({ open }) => {
      const { spec } = await open();
      expectEqual(JSON.parse(JSON.stringify(spec)), spec, "the spec as JSON");
      expectEqual((await open()).spec, spec, "the spec of another env");
    },
  ],
];
