// A rollout as MCAP (mcap.dev), with Foxglove's schemas, so that it opens in Foxglove: for each track its pictures,
// proprioception and rewards, and the actions that all of them got.
import { CompressedImage, JointStates } from "@foxglove/schemas/jsonschema.js";
import { McapWriter } from "@mcap/core";
import { encodePng, tile } from "@worldstep/judge";
import type { EnvSpec, FloatTensor } from "@worldstep/protocols";
import type { Track } from "./track.js";

const SECOND = 1_000_000_000;

/** One number in a message of its own. */
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
 * The bytes of an MCAP file, indexed, JSON messages. Topics are `/NAME/image` (`foxglove.CompressedImage`, PNG),
 * `/NAME/proprioception` (`foxglove.JointStates`), `/NAME/reward` for each track, and `/action`, a message for each
 * control step. Time 0 is the first frame.
 */
export async function encodeMcap(
  spec: EnvSpec,
  tracks: Readonly<Record<string, Track>>,
  actions: readonly FloatTensor[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0n;
  const writable = {
    position: () => size,
    write: async (bytes: Uint8Array) => {
      parts.push(bytes.slice()); // the writer uses its buffer again
      size += BigInt(bytes.length);
    },
  };
  const nanoseconds = (step: number): number => Math.round((step / spec.fps) * SECOND);
  const stamp = (step: number): object => {
    const time = nanoseconds(step);
    return { sec: Math.floor(time / SECOND), nsec: time % SECOND };
  };
  const mcap = new McapWriter({ writable });
  await mcap.start({ profile: "", library: "worldstep" });
  const topic = async (
    name: string,
    schemaName: string,
    schema: object,
  ): Promise<(step: number, message: object) => Promise<void>> => {
    const data = new TextEncoder().encode(JSON.stringify(schema));
    const schemaId = await mcap.registerSchema({ name: schemaName, encoding: "jsonschema", data });
    const metadata = new Map<string, string>();
    const channelId = await mcap.registerChannel({ topic: name, schemaId, messageEncoding: "json", metadata });
    let sequence = 0;
    return async (step, message) => {
      const time = BigInt(nanoseconds(step));
      const bytes = new TextEncoder().encode(JSON.stringify(message));
      await mcap.addMessage({ channelId, sequence: sequence++, logTime: time, publishTime: time, data: bytes });
    };
  };

  const act = await topic("/action", ACTION.title, ACTION);
  const columns = spec.action.length;
  for (const [tick, { data }] of actions.entries()) {
    for (let row = 0; row < spec.stride; row++) {
      await act(tick * spec.stride + row, { action: Array.from(data.subarray(row * columns, (row + 1) * columns)) });
    }
  }
  for (const [name, { frames, proprioception, rewards }] of Object.entries(tracks)) {
    const show = await topic(`/${name}/image`, "foxglove.CompressedImage", CompressedImage);
    for (const [step, frame] of frames.entries()) {
      const data = Buffer.from(encodePng(tile([[frame]], 1))).toString("base64");
      await show(step, { timestamp: stamp(step), frame_id: "camera", format: "png", data });
    }
    const pose = await topic(`/${name}/proprioception`, "foxglove.JointStates", JointStates);
    for (const [tick, values] of proprioception.entries()) {
      const joints = values.map((position, i) => ({ name: spec.proprioception[i], position }));
      await pose(tick * spec.stride, { timestamp: stamp(tick * spec.stride), joints });
    }
    const earn = await topic(`/${name}/reward`, REWARD.title, REWARD);
    for (const [tick, reward] of rewards.entries()) await earn((tick + 1) * spec.stride, { reward });
  }
  await mcap.addMetadata({
    name: "worldstep",
    metadata: new Map([
      ["world", spec.id],
      ["actions", JSON.stringify(spec.action)],
    ]),
  });
  await mcap.end();
  return new Uint8Array(Buffer.concat(parts));
}
