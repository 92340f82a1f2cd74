"""The causal video autoencoder: frames to latents and back, one tick (`stride` frames) at a time.

The encoder sees one tick and nothing else. Beside the latent it reads the state vector from its last frame: the robot's pose and,
where the logs have it, the environment's state. The decoder is told the state before the tick and the one at its end, as a
rendering of it, so that what moves is drawn where the state says, and the latent need only say what is left. Of the
frame that the stream began with it knows the appearance, what a whole episode has and no state tells, and it keeps its
pixels where nothing has moved since (a skip connection in time: Ebert et al., 2017, arXiv 1710.05268). It looks one tick back
in each of its memory blocks (TAEHV's MemBlock: a block's own input at the previous tick joins its input now), so it streams
with one feature map a block carried on. The first frame of a stream is encoded alone: it fills its whole tick.

Shapes: B batch, T ticks, s stride, H W pixels, h w C latent (h = H / 16, w = W / 16), Q numbers of a state, normalised, K
numbers of an appearance, which may be 0.
"""

import torch
from torch import nn
from torch.nn import functional as F

from fourier import fourier, octaves
from reader import Reader


STATE_FREQUENCIES = octaves(8, 5)  # radians a standard deviation: 8 to 0.5 of them a turn
PLACE_FREQUENCIES = octaves(4, 6)  # radians half a picture: 2 to 1/16 of a picture a turn


class ResBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), the second convolution zero at the start. x `[B, C, h, w]`."""

    def __init__(self, channels, inputs=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs * channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x):
        return x + self.conv2(F.relu(self.conv1(F.relu(x))))


class MemoryBlock(ResBlock):
    """A ResBlock that also sees its own input at the previous tick (zeros before the first)."""

    def __init__(self, channels):
        super().__init__(channels, inputs=2)

    def forward(self, x, past):
        both = F.relu(torch.cat([x, past], 1))
        return x + self.conv2(F.relu(self.conv1(both)))


class StateRenderer(nn.Module):
    """
    A state `[B, Q]` and an appearance `[B, K]` -> what they put on the picture, `[B, 3, H, W]`: what differs there from
    the mean picture, drawn from numbers alone. A coordinate network (Tancik et al., 2020, arXiv 2006.10739): the state, in
    Fourier features, puts points on the picture; each place sees, in such features again, how far off they are, and says
    what is there.
    """

    def __init__(
        self, size, state, appearance, width=256, points=32, hidden=96, channels=24,
        state_frequencies=STATE_FREQUENCIES, place_frequencies=PLACE_FREQUENCIES,
    ):
        super().__init__()
        self.config = dict(
            width=width, points=points, hidden=hidden, channels=channels,
            state_frequencies=list(state_frequencies), place_frequencies=list(place_frequencies),
        )
        self.inp, self.hidden = nn.Linear(state * (1 + 2 * len(state_frequencies)), width), nn.Linear(width, width)
        self.appearance = nn.Linear(appearance, width, bias=False) if appearance else None
        self.points, self.told = nn.Linear(width, 2 * points), nn.Linear(width, hidden)
        nn.init.uniform_(self.points.bias, -0.6, 0.6)  # of the picture, which is [-1, 1]
        self.across, self.down = (nn.Linear(points * (1 + 2 * len(place_frequencies)), hidden) for _ in range(2))
        self.place = nn.Linear(hidden, hidden)
        self.there = nn.Linear(hidden, channels)
        self.out = nn.Conv2d(channels, 3 * 4, 3, padding=1)
        n = size // 2
        self.register_buffer("line", (torch.arange(n) + 0.5) * 2 / n - 1, persistent=False)

    def forward(self, state, appearance):
        x = self.inp(fourier(state, self.config["state_frequencies"]))
        if self.appearance:
            x = x + self.appearance(appearance)
        x = F.silu(self.hidden(F.silu(x)))
        points = self.points(x).float()  # bf16 is too coarse for the highest frequency
        off = self.line[:, None] - points.unflatten(-1, (2, 1, -1))  # [B, 2, n, points]
        across, down = fourier(off, self.config["place_frequencies"]).unbind(1)
        place = self.across(across)[:, None] + self.down(down)[:, :, None] + self.told(x)[:, None, None]  # [B, n, n, hidden]
        there = self.there(F.silu(self.place(F.silu(place))))
        return F.pixel_shuffle(self.out(there.permute(0, 3, 1, 2)), 2)


class Tokenizer(nn.Module):
    """
    state: Q. appearance: K. widths: channels at 1/2, 1/4, 1/8 and 1/16 of the picture; latent_channels: C. kept: channels of
    what decides which pixels are kept. reader, renderer: what is to be otherwise in `Reader` and `StateRenderer`.
    Latents are RMS-normalised over C (each token lies on a sphere of radius sqrt(C)): they have unit scale without
    stored statistics, and a rollout that projects back onto the sphere can't blow up.
    """

    def __init__(
        self, size=64, stride=4, latent_channels=48, widths=(48, 96, 128, 160), state=26, appearance=16, kept=32, reader={}, renderer={}
    ):
        super().__init__()
        self.size, self.stride, self.latent_channels = size, stride, latent_channels
        a, b, c, d = widths
        pixels = 4 * 3 * stride  # four of each frame at a place of the maps at 1/2
        self.encoder = nn.ModuleDict(
            dict(
                stem=nn.Conv2d(pixels, a, 3, padding=1),
                res2=ResBlock(a),
                down2=nn.Conv2d(a * 4, b, 1),
                res4=ResBlock(b),
                down4=nn.Conv2d(b * 4, c, 1),
                res8=ResBlock(c),
                down8=nn.Conv2d(c * 4, d, 1),
                res16=ResBlock(d),
                head=nn.Conv2d(d, latent_channels, 1),
            )
        )
        self.decoder = nn.ModuleDict(
            dict(
                stem=nn.Conv2d(latent_channels, d, 1),
                res16=ResBlock(d),
                up16=nn.Conv2d(d, c * 4, 1),
                memory8=MemoryBlock(c),
                res8=ResBlock(c),
                up8=nn.Conv2d(c, b * 4, 1),
                memory4=MemoryBlock(b),
                res4=ResBlock(b),
                up4=nn.Conv2d(b, a * 4, 1),
                res2=ResBlock(a),
                head=nn.Conv2d(a, pixels, 3, padding=1),
            )
        )
        self.reader = Reader(size, state, **reader)
        self.appearance = Reader(size, appearance, **reader) if appearance else None
        self.renderer = StateRenderer(size, state, appearance, **renderer)
        self.config = dict(
            size=size, stride=stride, latent_channels=latent_channels, widths=list(widths), state=state, appearance=appearance,
            kept=kept, reader=self.reader.config, renderer=self.renderer.config,
        )
        # The share of the stream's first picture that is kept, of each pixel of each frame: little, to begin with.
        self.decoder.update(dict(kept1=nn.Conv2d(a + pixels, kept, 1), kept2=nn.Conv2d(kept, 4 * stride, 3, padding=1)))
        nn.init.zeros_(self.decoder["kept2"].weight)
        nn.init.constant_(self.decoder["kept2"].bias, -3)
        self.decoder.update({f"rendered{k}": nn.Conv2d(pixels, n, 1, bias=False) for k, n in ((8, c), (4, b), (2, a), (1, pixels))})
        nn.init.dirac_(self.decoder["rendered1"].weight)  # as it is, onto the picture
        # Learned maps that say where a feature is: the camera stands still, so the background need not be sent.
        self.maps = nn.ParameterDict(
            {
                "encode2": nn.Parameter(torch.zeros(a, size // 2, size // 2)),
                "decode16": nn.Parameter(torch.zeros(d, size // 16, size // 16)),
                "decode8": nn.Parameter(torch.zeros(c, size // 8, size // 8)),
                "decode4": nn.Parameter(torch.zeros(b, size // 4, size // 4)),
                "decode2": nn.Parameter(torch.zeros(a, size // 2, size // 2)),
                "picture": nn.Parameter(torch.zeros(3, size, size)),
            }
        )

    def encode(self, frames):
        """frames `[B, s, H, W, 3]` uint8 -> their latents, and the last frame's state `[B, Q]`."""
        return self.latents(frames), self.reader(frames[:, -1])[0]

    def looks(self, frame):
        """
        frame `[B, H, W, 3]` uint8 -> its appearance `[B, K]`: the light, tints. No log names these numbers: they are what
        helps the renderer to draw other frames of the episode (as an image's appearance embedding helps in Martin-Brualla et
        al., "NeRF in the Wild", 2021, arXiv 2008.02268).
        """
        return self.appearance(frame)[0] if self.appearance else torch.zeros(len(frame), 0, device=frame.device)

    def begin(self, frame):
        """
        What the decoder knows of the frame `[B, H, W, 3]` uint8 that a stream began with: its appearance `[B, K]`, and
        itself, `[B, 3, H, W]` in [-1, 1].
        """
        return self.looks(frame), frame.permute(0, 3, 1, 2).float().div(127.5).sub(1)

    def encoding(self):
        """The weights that make latents of frames, by name."""
        return {k: v for k, v in self.state_dict().items() if k.startswith(("encoder.", "maps.encode", "maps.picture"))}

    def latents(self, frames):
        """frames `[B, s, H, W, 3]` uint8 -> z `[B, L, C]`, L = h w tokens in row-major order, unit RMS over C."""
        e = self.encoder
        x = frames.permute(0, 1, 4, 2, 3).float().div(127.5).sub(1)  # [B, s, 3, H, W]
        x = (x - self.maps["picture"]).flatten(1, 2)
        x = e["stem"](F.pixel_unshuffle(x, 2)) + self.maps["encode2"]
        x = e["down2"](F.pixel_unshuffle(e["res2"](x), 2))
        x = e["down4"](F.pixel_unshuffle(e["res4"](x), 2))
        x = e["down8"](F.pixel_unshuffle(e["res8"](x), 2))
        return project(e["head"](e["res16"](x)).flatten(2).transpose(1, 2))

    def start(self, batch):
        """What the decoder carries before the first tick: zeros, `memory8 [B, c, H/8, W/8]` and `memory4 [B, b, H/4, W/4]`."""
        _, b, c, _ = self.config["widths"]
        n = self.size
        return torch.zeros(batch, c, n // 8, n // 8), torch.zeros(batch, b, n // 4, n // 4)

    def decode(self, z, before, now, begun, carried):
        """
        z `[B, L, C]`, the states before the tick and at its end `[B, Q]`, what `begin` made of the stream's first frame, and
        what it carries from the previous tick -> pixels `[B, s * 3, H, W]` about [-1, 1], and what it carries on.
        """
        return self._decode(z, before, now, begun, lambda _, i: carried[i])

    def decode_clip(self, z, state, begun):
        """
        z `[B, T, L, C]`, the state before the first tick and at the end of each, `[B, T + 1, Q]`, and what `begin` made of
        the streams' first frames -> pixels `[B, T, s * 3, H, W]`: all ticks at once, equal to `decode` tick by tick.
        """
        batch, ticks = z.shape[:2]

        def previous_tick(x, _):
            clip = x.view(batch, ticks, *x.shape[1:])
            return torch.cat([torch.zeros_like(clip[:, :1]), clip[:, :-1]], 1).flatten(0, 1)

        before, now = (x.flatten(0, 1) for x in (state[:, :-1], state[:, 1:]))
        begun = [x.repeat_interleave(ticks, 0) for x in begun]
        pixels, _ = self._decode(z.flatten(0, 1), before, now, begun, previous_tick)
        return pixels.view(batch, ticks, *pixels.shape[1:])

    def _decode(self, z, before, now, begun, past):
        d, m = self.decoder, self.maps
        appearance, first = begun
        n = self.size // 16
        share = torch.arange(1, self.stride + 1, device=z.device).view(-1, 1) / self.stride
        told = before[:, None] + (now - before)[:, None] * share  # [B, s, Q]: as if it went straight
        drawn = self.renderer(told.flatten(0, 1), appearance.repeat_interleave(self.stride, 0))
        drawn = F.pixel_unshuffle(drawn.reshape(z.shape[0], -1, self.size, self.size), 2)
        rendered = {k: d[f"rendered{k}"](F.avg_pool2d(drawn, k // 2) if k > 2 else drawn) for k in (8, 4, 2, 1)}
        x = d["stem"](z.transpose(1, 2).reshape(z.shape[0], -1, n, n)) + m["decode16"]
        x8 = F.pixel_shuffle(d["up16"](d["res16"](x)), 2) + m["decode8"] + rendered[8]
        x4 = F.pixel_shuffle(d["up8"](d["res8"](d["memory8"](x8, past(x8, 0)))), 2) + m["decode4"] + rendered[4]
        x = F.pixel_shuffle(d["up4"](d["res4"](d["memory4"](x4, past(x4, 1)))), 2) + m["decode2"] + rendered[2]
        x = d["res2"](x)
        made = F.pixel_shuffle(d["head"](x) + rendered[1], 2) + m["picture"].repeat(self.stride, 1, 1)
        # What differs from the first picture has moved since, or is drawn badly: the maps know which.
        off = first.repeat(1, self.stride, 1, 1) - made
        seen = torch.cat([x, F.pixel_unshuffle(off.abs(), 2)], 1)
        kept = F.pixel_shuffle(d["kept2"](F.relu(d["kept1"](seen))), 2).sigmoid()  # [B, s, H, W]
        return made + kept.repeat_interleave(3, 1) * off, (x8, x4)


def project(z):
    """Latents onto their sphere: unit RMS over the last dimension."""
    return z * torch.rsqrt(z.square().mean(-1, keepdim=True) + 1e-6)


def absolute(error):
    """|error|, smooth at 0 (Charbonnier)."""
    return (error.square() + 1e-4).sqrt()


def salience(difference):
    """How much a difference of pixels (in [-1, 1]) counts as one: 0 to 1, whole from 0.3 on."""
    return (difference.abs() / 0.3).clamp(max=1)


def to_frames(pixels, stride):
    """pixels `[..., s * 3, H, W]` about [-1, 1] -> uint8 `[..., s, H, W, 3]`, rounded to the nearest."""
    frames = pixels.unflatten(-3, (stride, 3)).movedim(-3, -1)
    return ((frames + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
