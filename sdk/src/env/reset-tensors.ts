// The tensors of a reset: copied when it is called, and in the types in which they travel.
import {
  type ByteTensor,
  type FloatTensor,
  OptionError,
  type ResetMessage,
  type ResetOptions,
} from "@worldstep/protocols";

/** The tensors of a reset. Throws `OptionError`: `option_frames`, `option_actions`, `option_proprioception`. */
export function resetTensors({ frames, actions, proprioception }: ResetOptions): ResetMessage["tensors"] {
  if (frames && frames.dtype !== "uint8") {
    throw new OptionError("option_frames", `the frames are ${frames.dtype}`, "give uint8");
  }
  if (actions && actions.dtype !== "float32") {
    throw new OptionError("option_actions", `the actions are ${actions.dtype}`, "give float32");
  }
  if (proprioception && proprioception.dtype !== "float32") {
    throw new OptionError("option_proprioception", `the proprioception is ${proprioception.dtype}`, "give float32");
  }
  return {
    ...(frames && { frames: frames as ByteTensor }),
    ...(actions && { actions: actions as FloatTensor }),
    ...(proprioception && { proprioception: proprioception as FloatTensor }),
  };
}

/** `options` with tensors of its own: who called may use its buffers again. What is no tensor stays, for the env to refuse. */
export function copied<O extends ResetOptions>(options: O): O {
  const { frames, actions, proprioception } = options;
  const tensors = Object.entries({ frames, actions, proprioception }).flatMap(([name, tensor]) =>
    ArrayBuffer.isView(tensor?.data) ? [[name, { ...tensor, data: tensor.data.slice() }]] : [],
  );
  return { ...options, ...Object.fromEntries(tensors) };
}
