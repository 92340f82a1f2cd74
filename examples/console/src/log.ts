// What was played as MCAP (mcap.dev), with Foxglove's schemas, and the topics that `worldstep rollout --mcap` writes.
import { CompressedImage, JointStates } from "@foxglove/schemas/jsonschema.js";
import { McapWriter } from "@mcap/core";
import { type EnvSpec, splitFrames } from "@worldstep/sdk";
import type { Side } from "./cast.js";
import type { Moment } from "./past.js";
import { canvasOf } from "./picture.js";

const SECOND = 1_000_000_000;
const REWARD = {
  title: "worldstep.Reward",
  type: "object",
  properties: { reward: { type: "number", description: "Sum over the tick's control steps" } },
};
const ACTION = {
  title: "worldstep.Action",
  type: "object",
  properties: {
    action: { type: "array", items: { type: "number" }, description: "One row, as the metadata names it" },
  },
};

/**
 * The bytes of an MCAP file, indexed, JSON messages: `/NAME/image`, `/NAME/proprioception` and `/NAME/reward` for the world
 * of each side, NAME of `names`, and `/action`, a message for each control step. Time 0 is the reset's frame.
 */
export async function log(
  moments: readonly Moment[],
  spec: EnvSpec,
  names: Readonly<Partial<Record<Side, string>>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0n;
  const writable = {
    position: () => size,
    write: async (bytes: Uint8Array) => {
      parts.push(bytes.slice()); // the writer uses its buffer again
      size += BigInt(bytes.length);
    },
  };
  const mcap = new McapWriter({ writable });
  await mcap.start({ profile: "", library: "worldstep" });
  const nanoseconds = (step: number): number => Math.round((step / spec.fps) * SECOND);
  const stamp = (step: number) => {
    const time = nanoseconds(step);
    return { sec: Math.floor(time / SECOND), nsec: time % SECOND };
  };
  const topic = async (name: string, schemaName: string, schema: object) => {
    const data = new TextEncoder().encode(JSON.stringify(schema));
    const schemaId = await mcap.registerSchema({ name: schemaName, encoding: "jsonschema", data });
    const channelId = await mcap.registerChannel({
      topic: name,
      schemaId,
      messageEncoding: "json",
      metadata: new Map(),
    });
    let sequence = 0;
    return async (step: number, message: object) => {
      const time = BigInt(nanoseconds(step));
      const bytes = new TextEncoder().encode(JSON.stringify(message));
      await mcap.addMessage({ channelId, sequence: sequence++, logTime: time, publishTime: time, data: bytes });
    };
  };

  const act = await topic("/action", ACTION.title, ACTION);
  for (const { tick, action } of moments) {
    const rows = action ? action.length / spec.action.length : 0;
    for (let row = 0; row < rows; row++) {
      const values = action?.subarray(row * spec.action.length, (row + 1) * spec.action.length) ?? [];
      await act((tick - 1) * spec.stride + row, { action: Array.from(values) });
    }
  }
  for (const [side, name] of Object.entries(names) as [Side, string][]) {
    const show = await topic(`/${name}/image`, "foxglove.CompressedImage", CompressedImage);
    const pose = await topic(`/${name}/proprioception`, "foxglove.JointStates", JointStates);
    const earn = await topic(`/${name}/reward`, REWARD.title, REWARD);
    for (const [k, { tick, seen }] of moments.entries()) {
      const shown = seen[side];
      if (!shown || shown === moments[k - 1]?.seen[side]) continue; // its episode is over
      const all = splitFrames(shown.observation);
      const frames = tick === 0 ? all.slice(-1) : all;
      for (const [i, frame] of frames.entries()) {
        const step = tick * spec.stride - (frames.length - 1 - i);
        const data = canvasOf(frame).toDataURL("image/png").split(",", 2)[1];
        await show(step, { timestamp: stamp(step), frame_id: "camera", format: "png", data });
      }
      const joints = Array.from(shown.observation.proprioception.data, (position, i) => ({
        name: spec.proprioception[i],
        position,
      }));
      await pose(tick * spec.stride, { timestamp: stamp(tick * spec.stride), joints });
      if (tick > 0) await earn(tick * spec.stride, { reward: shown.reward });
    }
  }
  await mcap.addMetadata({
    name: "worldstep",
    metadata: new Map([
      ["world", spec.id],
      ["actions", JSON.stringify(spec.action)],
    ]),
  });
  await mcap.end();
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
