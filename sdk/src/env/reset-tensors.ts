// The tensors of a reset: copied when it is called, and in the types in which they travel.
import {
  copiedTensor,
  type Dtype,
  isTensorOf,
  OptionError,
  type ResetMessage,
  type ResetOptions,
  shownTensor,
} from "@worldstep/protocols";

/** The tensors of a reset. Throws `OptionError`: `option_frames`, `option_actions`, `option_proprioception`. */
export function resetTensors({ frames, actions, proprioception }: ResetOptions): ResetMessage["tensors"] {
  return {
    ...(frames !== undefined && { frames: tensorOf("frames", frames, "uint8") }),
    ...(actions !== undefined && { actions: tensorOf("actions", actions, "float32") }),
    ...(proprioception !== undefined && { proprioception: tensorOf("proprioception", proprioception, "float32") }),
  };
}

/** `options` with tensors of its own: who called may use its buffers again. What is no tensor stays, for the env to refuse. */
export function copied<O extends ResetOptions>(options: O): O {
  if (typeof options !== "object" || options === null || Array.isArray(options)) return options;
  const tensors = (["frames", "actions", "proprioception"] as const).flatMap((name) =>
    options[name] === undefined ? [] : [[name, copiedTensor(options[name])]],
  );
  return { ...options, ...Object.fromEntries(tensors) };
}

function tensorOf<D extends Dtype>(option: string, value: unknown, dtype: D) {
  if (isTensorOf(value, dtype)) return value;
  const got = shownTensor(value);
  throw new OptionError(`option_${option}`, `${option} is ${got}`, `give ${dtype}`, { option, value: got });
}
