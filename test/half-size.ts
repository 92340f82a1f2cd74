// An env seen at half the resolution: lets the simulator stand beside a world with smaller frames.
import {
  type ActionLike,
  byteTensor,
  type Env,
  type EnvSpec,
  type Observation,
  type ResetOptions,
  type ResetResult,
  type StepOptions,
  type StepResult,
  type Tensor,
} from "@worldstep/protocols";
import { Wrapper } from "@worldstep/sdk";

export function halfSize(env: Env): Env {
  return new HalfSize(env);
}

class HalfSize extends Wrapper {
  override get spec(): EnvSpec {
    return halfSizeSpec(this.env.spec);
  }

  override async reset(options?: ResetOptions): Promise<ResetResult> {
    return halved(await super.reset(options));
  }

  override async step(action: ActionLike, options?: StepOptions): Promise<StepResult> {
    return halved(await super.step(action, options));
  }

  override async stepChunk(actions: readonly ActionLike[], options?: StepOptions): Promise<StepResult[]> {
    return (await super.stepChunk(actions, options)).map(halved);
  }
}

export function halfSizeSpec(spec: EnvSpec): EnvSpec {
  const { frames, ...others } = spec.observationSpace.spaces;
  if (!frames) throw new Error(`${spec.id} shows no frames`);
  const [count = 0, height = 0, width = 0, channels = 0] = frames.shape;
  const spaces = { ...others, frames: { ...frames, shape: [count, height / 2, width / 2, channels] } };
  return { ...spec, observationSpace: { type: "dict", spaces } };
}

function halved<R extends { readonly observation: Observation }>(result: R): R {
  const { frames, ...others } = result.observation;
  return { ...result, observation: { ...others, ...(frames && { frames: average(frames) }) } };
}

// The mean of each square of four pixels. Shape `[F, H, W, C]` to `[F, H / 2, W / 2, C]`.
function average({ data, shape }: Tensor): Tensor {
  const [count = 0, height = 0, width = 0, channels = 0] = shape;
  const out = new Uint8Array(data.length / 4);
  const row = width * channels;
  for (let i = 0; i < out.length; i++) {
    const channel = i % channels;
    const x = Math.floor(i / channels) % (width / 2);
    const y = Math.floor(i / (row / 2)); // over all frames: their heights are even
    const corner = 2 * y * row + 2 * x * channels + channel;
    const sum = [corner, corner + channels, corner + row, corner + row + channels].reduce(
      (s, at) => s + (data[at] ?? 0),
      0,
    );
    out[i] = Math.round(sum / 4);
  }
  return byteTensor(out, [count, height / 2, width / 2, channels]);
}
