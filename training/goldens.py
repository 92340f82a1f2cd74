"""Golden vectors: what PyTorch computes from a world's weights as they are on disk (fp16), for the engine to be held to.

Shapes: T ticks after the first, D of them decoded, s stride, L tokens a tick, C latent channels, A action size.
"""

import copy

import torch

from dynamics import Dynamics, rollout
from tokenizer import Tokenizer


def rounded(model):
    """A copy in evaluation mode whose weights went through fp16, as a world's files hold them."""
    return copy.deepcopy(model).half().float().eval()


@torch.no_grad()
def goldens(tokenizer: Tokenizer, dynamics: Dynamics, frames, actions, noise, context_level=0.0, decode_ticks=2, steps=(1, 4)):
    """
    frames uint8 `[1 + s T, H, W, 3]` of one episode and its actions `[T, s, A]`; noise `[T, L, C]`: where each tick's
    denoising starts. Returns {name: array}: `frames`; `encode.z [T + 1, L, C]`, the first frame alone fills tick 0;
    `decode.pixels [D, 3 s, H, W]`, the first ticks of `encode.z` decoded in a stream; `rollout.actions`,
    `rollout.noise`; and for n NFE in `steps`, of a rollout with a K/V cache from the first frame under these actions,
    tick 0 included: `rolloutN.z [T + 1, L, C]` and the heads `rolloutN.reward`, `rolloutN.success` (logits),
    `rolloutN.proprioception` (normalised), each `[T + 1, ...]`.
    """
    tokenizer, dynamics = rounded(tokenizer), rounded(dynamics)
    stride = tokenizer.stride
    ticks = torch.cat([frames[:1].repeat(stride, 1, 1, 1)[None], frames[1:].view(-1, stride, *frames.shape[1:])])
    z = torch.cat([tokenizer.encode(tick[None]) for tick in ticks])
    state, pixels = tokenizer.start(1), []
    for tick in z[:decode_ticks]:
        decoded, state = tokenizer.decode(tick[None], state)
        pixels.append(decoded)
    found = {"frames": frames, "encode.z": z, "decode.pixels": torch.cat(pixels)}
    found |= {"rollout.actions": actions, "rollout.noise": noise}
    for nfe in steps:
        latents, heads = rollout(dynamics, z[:1], actions[None], noise[None], nfe, context_level)
        found[f"rollout{nfe}.z"] = latents[0]
        for name, value in zip(("reward", "success", "proprioception"), heads):
            found[f"rollout{nfe}.{name}"] = value[0]
    return {name: value.contiguous().numpy() for name, value in found.items()}
