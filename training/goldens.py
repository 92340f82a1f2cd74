"""Golden vectors: what PyTorch computes from a world's weights as they are on disk (fp16), for the engine to be held to.

Shapes: T ticks after the first, D ticks decoded, s stride, L tokens a tick, C latent channels, A action size.
"""

import copy

import torch

from dynamics import Dynamics, rollout, stream_controls
from tokenizer import Tokenizer
from uncertainty import Uncertainty

DECODED = 2  # ticks: the first is much like the frame that it began with


def rounded(model):
    """A copy in evaluation mode whose weights went through fp16, as a world's files hold them."""
    return copy.deepcopy(model).half().float().eval()


@torch.no_grad()
def goldens(tokenizer: Tokenizer, dynamics: Dynamics, uncertainty: Uncertainty, frames, actions, noise, context_level=0.0, steps=(1, 4)):
    """
    frames uint8 `[1 + s T, H, W, 3]` of one episode and its actions `[T, s, A]`; noise `[T, L, C]`: where each tick's
    denoising starts. Returns {name: array}: `frames`; `encode.z [T + 1, L, C]` and `encode.state [T + 1, Q]`, the first
    frame alone fills tick 0; its `appearance [1, K]`; `decode.pixels [D, 3 s, H, W]`, the first of these ticks decoded in a stream;
    `rollout.actions`, `rollout.noise`; and for n NFE in `steps`, of a rollout from the first frame under these actions,
    tick 0 included: `rolloutN.z [T + 1, L, C]` and the heads `rolloutN.reward`, `rolloutN.success` (logits),
    `rolloutN.state` (normalised), and `rolloutN.uncertainty`, each `[T + 1, ...]`; and the same as `chunkedN...`, in two chunks, the first of which
    is the longer.
    """
    tokenizer, dynamics = rounded(tokenizer), rounded(dynamics)
    stride = tokenizer.stride
    ticks = torch.cat([frames[:1].repeat(stride, 1, 1, 1)[None], frames[1:].view(-1, stride, *frames.shape[1:])])
    z, state = (torch.cat(parts) for parts in zip(*(tokenizer.encode(tick[None]) for tick in ticks)))
    begun, carried, before, pixels = tokenizer.begin(frames[:1]), tokenizer.start(1), state[:1], []
    for n in range(DECODED):
        decoded, carried = tokenizer.decode(z[n : n + 1], before, state[n : n + 1], begun, carried)
        before = state[n : n + 1]
        pixels.append(decoded)
    found = {"frames": frames, "encode.z": z, "encode.state": state, "appearance": begun[0], "decode.pixels": torch.cat(pixels)}
    found |= {"rollout.actions": actions, "rollout.noise": noise}
    half = len(actions) // 2
    for nfe in steps:
        for kind, chunks in (("rollout", None), ("chunked", [len(actions) - half, half])):
            latents, heads = rollout(dynamics, z[:1], state[:1], actions[None], noise[None], nfe, context_level, chunks)
            found[f"{kind}{nfe}.z"] = latents[0]
            for name, value in zip(("reward", "success", "state"), heads):
                found[f"{kind}{nfe}.{name}"] = value[0]
            found[f"{kind}{nfe}.uncertainty"] = uncertainty(latents[0], stream_controls(actions[None], heads[2])[0])
    return {name: value.contiguous().numpy() for name, value in found.items()}
