"""Trains the tokenizer: python training/train_tokenizer.py --data data/train --out runs/tokenizer"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from content import digest, of_logs
from data import Episodes, frame_clips, moments, normalised
from dynamics import CONTEXT_LEVEL, rollout
from optimizer import Trainer
from plot import curves, grid, write_png
from tokenizer import Tokenizer, absolute, project, salience, to_frames
from world import load_dynamics, load_normal, load_tokenizer


MOMENTS = 64  # frames a step that are read, and drawn from what is to be read
LEGIBLE = 0.015  # weight of what a trained reader makes of the picture
DREAMT = 1024  # episodes of each kind that a dynamics dreams
# Of the latents that the decoder learns to show: the most noise on them, and the share of ticks on whose tokens another
# picture shows too, as in a dream. Beside the dreams of a dynamics there is less to make up.
SPOILT, SPOILT_BESIDE_DREAMS = (0.15, 0.4), (0.06, 0.1)
STATE_NOISE = 0.03  # most noise on the state that the decoder is told, in its standard deviations
# What of the model `--only` moves, by how the names of its weights begin.
LEARNS = {"decoder": ("decoder.", "maps.decode"), "reader": ("reader.",), "renderer": ("renderer.", "appearance.")}
MINUTES = 5  # of training at most are lost when it is stopped
READ = 0.5  # share of clips that are decoded by what was read from them, when that has been learnt


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pt, log.json, curves.png, frames.png; resumes from it")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=8, help="clips a step")
    parser.add_argument("--ticks", type=int, default=2, help="ticks a clip")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--latent-channels", type=int, default=48)
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--start-from", help="output folder of another run of this script, or a world, whose weights to start from")
    parser.add_argument("--only", choices=LEARNS, help="leave the latents as they are, and with them a dynamics that was trained on them: train the decoder alone, what reads, or what draws by a state and an appearance")
    parser.add_argument("--dreams-of", help="output folder of train_dynamics.py, or a world: the decoder learns to show its dreams too; wants --only decoder")
    parser.add_argument("--stills", help="folder of more shards of the same frames and numbers, for what learns from single frames: many short episodes, each of another scene")
    parser.add_argument("--long", help="folder of more shards of the same frames and numbers, of episodes of minutes, so that what reads and draws knows tables that were played with for long")
    parser.add_argument("--limit", type=int, help="read only so many shards, the last")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.dreams_of and args.only != "decoder":
        parser.error("--dreams-of wants --only decoder: the dreams are of the latents as they are")
    if args.stills and args.only == "decoder":
        parser.error("--stills are for what learns from single frames, and --only decoder does not")
    if args.only and not args.start_from:
        parser.error("--only needs --start-from: an encoder of random weights would stay one")
    return args


class Dreams:
    """
    Latents `[n, T + 1, L, C]` that a dynamics dreams of episodes under their actions, with their states told; kept in the
    file `cache` with the digest `made_of` of what made them.
    """

    def __init__(self, dynamics, tokenizer, episodes, normal, device, cache, made_of):
        self.split, self.stride = episodes.train, episodes.stride
        self.chosen = np.random.default_rng(0).permutation(len(self.split["frames"]))[:DREAMT]
        kept = np.load(cache) if cache.exists() else {}
        if "made_of" in kept and kept["made_of"] == made_of:
            self.latents = kept["latents"]
            return
        made = []
        for at in range(0, len(self.chosen), 64):
            print(f"\rdreaming {at}/{len(self.chosen)}", end="", flush=True)
            some = self.chosen[at : at + 64]
            first = torch.from_numpy(np.repeat(self.split["frames"][some, :1], episodes.stride, 1)).to(device)
            told = normalised(torch.from_numpy(self.split["state"][some, :: episodes.stride]).to(device), normal)
            actions = torch.from_numpy(self.split["actions"][some]).to(device)
            with torch.no_grad():
                start = tokenizer.latents(first)
            noise = torch.randn(actions.shape[:2] + start.shape[1:], device=device)
            made.append(rollout(dynamics, start, told[:, 0], actions, noise, context_level=CONTEXT_LEVEL, told=told)[0].half().cpu().numpy())
        print(f"\rdreamt {len(self.chosen)}, of {actions.shape[1]} ticks each")
        self.latents = np.concatenate(made)
        np.savez(cache, latents=self.latents, made_of=made_of)

    def clip(self, rng, ticks):
        """
        Latents `[ticks, L, C]`, the frames that they should show `[ticks, s, H, W, 3]`, the states before the first tick and
        at the end of each `[ticks + 1, Q]`, and the frame that the dream began with `[H, W, 3]`.
        """
        i, first = rng.integers(len(self.chosen)), rng.integers(1, self.latents.shape[1] - ticks + 1)
        e, s, before = self.chosen[i], self.stride, self.stride * (first - 1)  # before: the frame before the clip
        frames = self.split["frames"][e, 1 + before : 1 + before + s * ticks]
        state = self.split["state"][e, before : 1 + before + s * ticks : s]
        return self.latents[i, first : first + ticks], frames.reshape(ticks, s, *frames.shape[1:]), state, self.split["frames"][e, 0]


def dreamt_clips(dreams, rng, batch, ticks):
    """A batch of `clip`s, as many of each of the `dreams`."""
    clips = [dreams[k % len(dreams)].clip(rng, ticks) for k in range(batch)]
    return tuple(torch.from_numpy(np.stack(x)) for x in zip(*clips))


def background(episodes, frames=512):
    """The mean picture `[3, H, W]` in [-1, 1]: what the camera sees when nothing is there."""
    stacked = episodes.train["frames"]
    rng = np.random.default_rng(0)
    chosen = stacked[rng.integers(len(stacked), size=frames), rng.integers(stacked.shape[1], size=frames)]
    return torch.from_numpy(chosen.astype(np.float32).mean(0)).permute(2, 0, 1) / 127.5 - 1


def psnr(error):
    return float(-10 * np.log10(max(error / 4, 1e-12)))  # pixels in [-1, 1]: their range is 2


def loss(made, frames, mean):
    """
    Squared and absolute error of the frames, and absolute error of their differences from pixel to pixel; `[B, F, 3, H, W]`
    in [-1, 1], mean `[3, H, W]`.
    What differs from the mean picture, and what moves, is small and is what a policy looks at: it weighs up to nine times
    as much. The differences (as in the gradient difference loss of Mathieu et al., arXiv 1511.05440) are there because
    squared error alone is content with a soft gripper.
    """
    step = frames.diff(dim=1).abs()
    moved = torch.maximum(F.pad(step, (0, 0, 0, 0, 0, 0, 1, 0)), F.pad(step, (0, 0, 0, 0, 0, 0, 0, 1)))
    weight = 1 + 4 * salience(frames - mean) + 4 * salience(moved)
    error = made - frames
    total = (weight * error.square()).mean() + 0.05 * (weight * absolute(error)).mean()
    for axis in (3, 4):
        edges = error.diff(dim=axis)
        total = total + 0.05 * (weight.narrow(axis, 1, weight.shape[axis] - 1) * absolute(edges)).mean()
    return total


def misdrawn(drawn, frames, mean):
    """How far what was `drawn`, `[B, 3, H, W]`, is off `frames`, of the same shape; what looks like the mean picture hardly counts."""
    difference = frames - mean
    error = drawn - difference
    return ((0.05 + salience(difference)) * (error.square() + 0.05 * absolute(error))).mean()


def spoilt(z, noise, dreamed):
    """
    Latents `[N, L, C]` as a decoder meets them: with up to so much noise, and a share `dreamed` of them as a dynamics would
    have made them, on many of whose tokens another picture shows. There what moves can be told by the state alone.
    """
    share = torch.rand(len(z), 1, 1, device=z.device)
    worse = torch.rand(len(z), 1, 1, device=z.device) < dreamed
    ghost = share * 0.6 * (torch.rand(*z.shape[:2], 1, device=z.device) < 0.5)
    mixed = project(z.lerp(z.roll(1, 0), ghost * worse))
    return mixed + torch.randn_like(z) * torch.rand(len(z), 1, 1, device=z.device) * noise * (1 + worse)


def remade(model, clips, state, other, spoils, share):
    """
    clips `[B, T, s, H, W, 3]` decoded from latents as a decoder meets them (`spoilt` by `spoils`), by the state
    `[B, T + 1, Q]`, or in a share of clips by what is read from them, as if the stream had begun with some other frame
    `[B, H, W, 3]` of its episode; and the clips: both `[B, T s, 3, H, W]` in [-1, 1].
    """
    seen = clips.flatten(0, 1)
    z, read = (y.float().unflatten(0, clips.shape[:2]) for y in (model.latents(seen), model.reader(seen[:, -1])[0]))
    told = torch.where(torch.rand(len(read), 1, 1, device=z.device) < share, read.detach(), state[:, 1:])
    told = torch.cat([state[:, :1], told], 1)
    told = told + torch.randn_like(told) * torch.rand(len(told), 1, 1, device=z.device) * STATE_NOISE
    pixels = model.decode_clip(spoilt(z.flatten(0, 1), *spoils).view_as(z), told, model.begin(other))
    return in_frames(pixels, model.stride), in_pixels(clips)


def illegibility(model, made, frames):
    """
    How far what the reader sees in the last frames of ticks, its features and its state, is from what it sees in the
    real ones; `[B, T s, 3, H, W]` each. A gripper is a few pixels, and to a squared error a soft one is as good as one that
    is where it should be (a perceptual loss: Johnson et al., 2016, arXiv 1603.08155, with the reader as the judge).
    """
    stride = model.stride
    with torch.no_grad():
        state, features = (y.float() for y in model.reader.seen(frames[:, stride - 1 :: stride].flatten(0, 1)))
    read, found = (y.float() for y in model.reader.seen(made[:, stride - 1 :: stride].flatten(0, 1)))
    scale = features.square().mean().sqrt()
    return F.smooth_l1_loss(read, state, beta=0.1) + absolute((found - features) / scale).mean()


def in_frames(pixels, stride):
    """`[B, T, s * 3, H, W]` -> `[B, T s, 3, H, W]`."""
    return pixels.float().unflatten(2, (stride, 3)).flatten(1, 2)


def in_pixels(clips):
    """uint8 `[B, T, s, H, W, 3]` -> `[B, T s, 3, H, W]` in [-1, 1]."""
    return clips.flatten(1, 2).permute(0, 1, 4, 2, 3).float().div(127.5).sub(1)


def main():
    args = parse()
    torch.set_flush_denormal(True)
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    episodes = Episodes(args.data, limit=args.limit)
    size = episodes.train["frames"].shape[2]
    more = {folder: Episodes(folder, held_out=0) for folder in (args.long, args.stills) if folder}
    for folder, source in more.items():
        if (source.names, source.stride, source.train["frames"].shape[2]) != (episodes.names, episodes.stride, size):
            raise SystemExit(f"{folder} and {args.data} have frames of other sizes or rates, or name other numbers")
    films = [episodes, *([more[args.long]] if args.long else [])]
    sources = [episodes, *more.values()]
    normal = (load_normal(args.start_from) if args.start_from else episodes.normal()).to(args.device)
    mean = background(episodes)
    if args.start_from:
        model = load_tokenizer(args.start_from).train()
        if (model.size, model.stride, normal.shape[1]) != (size, episodes.stride, len(episodes.names)):
            raise SystemExit(f"{args.start_from} is of frames or numbers that {args.data} does not have")
    else:
        model = Tokenizer(size=size, stride=episodes.stride, latent_channels=args.latent_channels, state=normal.shape[1])
        model.maps["picture"].data.copy_(mean)
    if args.only:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.startswith(LEARNS[args.only]))
    model = model.to(args.device).to(memory_format=torch.channels_last)
    mean = mean.to(args.device)
    trainer = Trainer(model, args.steps, lr=2e-3, muon_lr=args.muon_lr, bf16=args.bf16, plain=[part for part in (model.renderer, model.appearance) if part])
    dynamics = load_dynamics(args.dreams_of).to(args.device) if args.dreams_of else None
    logs = [of_logs(args.data, args.limit), *(of_logs(folder) for folder in more)]
    made_of = digest(logs, args.only, model.state_dict() if args.start_from else None, dynamics and dynamics.state_dict())
    log = trainer.resume(out, args.device, made_of)
    dreams = []
    if dynamics:
        caches = ("dreams.npz", "dreams-long.npz")
        dreams = [Dreams(dynamics, model, film, normal, args.device, out / cache, made_of) for film, cache in zip(films, caches)]
    spoils = SPOILT_BESIDE_DREAMS if dreams else SPOILT
    held_out = torch.from_numpy(np.stack([episodes.ticks(e)[:17] for e in episodes.held_out["frames"]])).to(args.device)
    held_out_state = torch.from_numpy(episodes.held_out["state"][:, : 17 * episodes.stride : episodes.stride]).to(args.device)
    started, first, running, error = time.time(), trainer.step_number, [], 0.0
    kept, decodes = started, args.only in (None, "decoder")
    while trainer.step_number < args.steps:
        rng = np.random.default_rng([args.seed, trainer.step_number])
        torch.manual_seed(args.seed * 1_000_003 + trainer.step_number)
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
            total = off = torch.zeros((), device=args.device)
            if args.only != "decoder":
                frames, state, other = (x.to(args.device) for x in moments(sources, rng, MOMENTS))
                state = normalised(state, normal)
            if args.only in (None, "reader"):
                total = off = F.smooth_l1_loss(model.reader(frames)[0].float(), state, beta=0.1)
            if args.only in (None, "renderer"):
                drawn = model.renderer(state, model.looks(other)).float()
                total = off = total + misdrawn(drawn, in_pixels(frames[:, None, None])[:, 0], mean)
            if decodes:
                clips, state, other = (x.to(args.device) for x in frame_clips(films, rng, args.batch, args.ticks))
                share = READ if trainer.step_number > 0.6 * args.steps else 0
                made, frames = remade(model, clips, normalised(state, normal), other, spoils, share)
                if dreams:
                    z, clips, state, start = (x.to(args.device) for x in dreamt_clips(dreams, rng, args.batch, args.ticks))
                    shown = model.decode_clip(z.float(), normalised(state, normal), model.begin(start))
                    made, frames = torch.cat([made, in_frames(shown, model.stride)]), torch.cat([frames, in_pixels(clips)])
                total, error = total + loss(made, frames, mean), (made.detach() - frames).square().mean().item()
                if args.only == "decoder":
                    legible = illegibility(model, made, frames)
                    total, off = total + LEGIBLE * legible, legible.detach()
        trainer.step(total)
        running.append((error, off.item()))
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            recent = np.mean(running[-100:], 0)
            picture = f"psnr {psnr(recent[0]):.2f} dB  " if decodes else ""
            print(f"\rstep {step}/{args.steps}  {picture}off {recent[1]:.4f}  {left / 60:.1f} min left ", end="", flush=True)
        due = step % 1000 == 0 or step == args.steps
        if due:
            with trainer.averaged():
                made, beside = np.mean(running[-1000:], 0).tolist()
                row = dict(step=step, **(dict(psnr=psnr(made)) if decodes else {}), off=beside, **validate(model, held_out, held_out_state, normal, mean, out))
            log.append(row)
            print("\n", json.dumps(row), flush=True)
            curves(out / "curves.png", log)
        if due or time.time() - kept > MINUTES * 60:
            trainer.save(out, log, normal=normal.cpu().tolist(), made_of=made_of)
            kept = time.time()


@torch.no_grad()
def validate(model, ticks, state, normal, mean, out):
    """
    Of whole held-out streams, ticks `[E, T, s, H, W, 3]`, state `[E, T, Q]`: PSNR behind the first tick by what was read
    from them, and by the true state and latents as of a dream; the mean error of the state, in standard deviations, and
    what the renderer misdraws. Writes frames.png: real frames, both decoded, and the renderings.
    """
    errors, read_errors, dream_errors, misses, pictures = [], [], [], [], []
    for clip, true in zip(ticks, normalised(state, normal)):
        (z, read), begun, real = model.encode(clip), model.begin(clip[0, :1]), clip.float()

        def error(z, state):
            frames = to_frames(model.decode_clip(z[None], torch.cat([state[:1], state])[None], begun)[0], model.stride)
            return frames, (frames.float() - real)[1:].div(127.5).square().mean().item()

        frames, off = error(z, read)
        errors.append(off)
        worse, off = error(project(z.lerp(z.roll(5, 0), 0.4)), true)
        dream_errors.append(off)
        read_errors.append((read - true).abs().mean(0))
        rendered, last = model.renderer(true, begun[0].expand(len(true), -1)), in_pixels(clip[:, None, -1:])[:, 0]
        misses.append(misdrawn(rendered, last, mean))
        drawn = to_frames(rendered + mean, 1)[:, 0]
        pictures.append([shown.cpu().numpy() for shown in (clip[8, -1], frames[8, -1], worse[8, -1], drawn[8])])
    write_png(out / "frames.png", grid([list(row) for row in zip(*pictures[:8])], 3))
    return dict(held_out_psnr=psnr(np.mean(errors)), dream_psnr=psnr(np.mean(dream_errors)), state_error=torch.stack(read_errors).mean().item(), misdrawn=torch.stack(misses).mean().item())


if __name__ == "__main__":
    main()
