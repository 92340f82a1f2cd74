"""Trains the dynamics on a trained tokenizer's latents:
python training/train_dynamics.py --data data/train --tokenizer runs/tokenizer --out runs/dynamics"""

import argparse
import json
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from data import Episodes
from dynamics import Dynamics, rollout
from optimizer import Trainer
from plot import curves, grid, write_png
from tokenizer import absolute, project, salience, to_frames
from world import load_dynamics, load_tokenizer

CLIP = 10  # ticks of a training clip: the sink, the window and the tick that sees all of it
CONTEXT_NOISE = 0.15  # most noise on the context, in standard deviations of the latents
CONTEXT_LEVEL = 0.05  # what a rollout's context is said to have
POSE_NOISE = 0.1  # most noise on the proprioception of the tick before, in its standard deviations
GHOSTS = 0.5  # share of clips whose context shows, faintly and in places, another scene
STARTS = tuple(range(0, 23, 2))  # ticks of an episode at which a stream may start
DREAMED = 0.5  # share of clips whose context is the model's own rollout
DREAMS, FRESH, EVERY = 128, 32, 32  # rollouts that are kept, and how many new ones are made every so many steps
DEPTH = 16  # ticks of a rollout: deeper, and what was can't be told any more from what the context shows


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--tokenizer", required=True, help="output folder of train_tokenizer.py, or a world")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pt, log.json, curves.png, frames.png; resumes from it")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=8, help="clips a step")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--start-from", help="output folder of another run of this script, or a world, whose weights to start from")
    parser.add_argument("--limit", type=int, help="read only so many shards")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


class Latents:
    """moving `[E, T, L, C]`: every tick of every episode; still `[E, starts, L, C]`: the frames at STARTS alone."""

    def __init__(self, tokenizer, split, stride, device, cache):
        self.split = split
        if cache.exists():
            stored = np.load(cache)
            self.moving, self.still = stored["moving"], stored["still"]
            if self.still.shape[:2] != (len(split["frames"]), len(STARTS)):
                raise SystemExit(f"{cache} holds latents of other data: delete it")
            return
        frames, moving, still = split["frames"], [], []
        for i in range(len(frames)):
            ticks = frames[i][1:].reshape(-1, stride, *frames.shape[2:])
            alone = np.repeat(frames[i][[stride * k for k in STARTS]][:, None], stride, 1)
            with torch.no_grad():
                z = tokenizer.encode(torch.from_numpy(np.concatenate([ticks, alone])).to(device)).float().cpu().numpy()
            moving.append(z[: len(ticks)].astype(np.float16))
            still.append(z[len(ticks) :].astype(np.float16))
            print(f"\rencoding episode {i + 1}/{len(frames)}", end="", flush=True)
        print()
        self.moving, self.still = np.stack(moving), np.stack(still)
        np.savez(cache, moving=self.moving, still=self.still)

    def clips(self, rng, batch, start=None, ticks=CLIP, dreams=()):
        """
        Clips `[sink, ticks j .. j + ticks - 2]`: `z` what was, `clean` the context: the same, or what the model itself
        made of it in one of the `dreams` (episode, start, latents from the start's tick on). Three in ten begin right
        behind the sink.
        """
        s = self.split
        fields = {k: [] for k in ("z", "clean", "previous", "actions", "rewards", "success", "proprioception", "pose_before")}
        for _ in range(batch):
            e, n, seen = rng.integers(len(self.moving)), rng.integers(len(STARTS)) if start is None else start, None
            if dreams and rng.random() < DREAMED:
                e, n, seen = dreams[rng.integers(len(dreams))]
            last = (DEPTH if seen is not None else self.moving.shape[1] - STARTS[n]) - (ticks - 2)  # j may be 1 .. last
            if last < 1:
                n, last, seen = 0, self.moving.shape[1] - (ticks - 2), None
            j = 1 if start is not None or rng.random() < 0.3 else rng.integers(1, last + 1)
            origin, still = STARTS[n], self.still[e, n]
            rows = slice(origin + j - 1, origin + j + ticks - 2)  # of `moving`: the clip's ticks after the sink
            if seen is None:
                seen = np.concatenate([still[None], self.moving[e, origin:]])
            z = np.concatenate([still[None], self.moving[e, rows]])
            clean = np.concatenate([still[None], seen[j : j + ticks - 1]])
            fields["z"].append(z)
            fields["clean"].append(clean)
            fields["previous"].append(np.concatenate([np.zeros_like(z[:1]), seen[j - 1][None], clean[1:-1]]))
            for name in ("actions", "rewards", "success"):
                value = s[name][e, rows]
                fields[name].append(np.concatenate([np.zeros_like(value[:1]), value]))
            pose = s["proprioception"][e]
            stride = (len(pose) - 1) // self.moving.shape[1]
            fields["proprioception"].append(pose[[stride * origin, *(stride * (np.arange(rows.start, rows.stop) + 1))]])
            fields["pose_before"].append(pose[[stride * origin, *(stride * np.arange(rows.start, rows.stop))]])
        return {k: torch.from_numpy(np.stack(v)).float() for k, v in fields.items()}

    def dream(self, model, rng, count, device):
        """Rollouts of `count` episodes under their own actions, from the same start: [(episode, start, latents)]."""
        n = rng.integers(sum(start + DEPTH <= self.moving.shape[1] for start in STARTS))
        chosen = rng.integers(len(self.moving), size=count)
        start = torch.from_numpy(self.still[chosen, n]).float().to(device)
        actions = torch.from_numpy(self.split["actions"][chosen, STARTS[n] : STARTS[n] + DEPTH]).to(device)
        noise = torch.randn(actions.shape[:2] + start.shape[1:], device=device)
        latents = rollout(model, start, actions, noise, context_level=CONTEXT_LEVEL)[0].half().cpu().numpy()
        return [(e, n, z) for e, z in zip(chosen, latents)]


def haunted(clean, previous, z):
    """
    The context with a faint ghost: on some tokens a share of another clip's latent, the same at every tick but the sink.
    What a long rollout gathers looks like that; noise does not.
    """
    b, ticks, length, _ = z.shape
    other = z.roll(1, 0)[torch.arange(b), torch.randint(ticks, (b,), device=z.device)].unsqueeze(1)
    share = torch.rand(b, 1, length, 1, device=z.device) * 0.5 * (torch.rand(b, 1, length, 1, device=z.device) < 0.4)
    share = share * (torch.rand(b, 1, 1, 1, device=z.device) < GHOSTS)
    mixed = torch.cat([clean[:, :1], project(clean[:, 1:].lerp(other, share))], 1)
    # The tick before the clip's first is the sink itself, or one that the clip does not show.
    first = previous[:, 1:2]
    first = torch.where((first == clean[:, :1]).all(-1, True).all(-2, True), first, project(first.lerp(other, share)))
    return mixed, torch.cat([previous[:, :1], first, mixed[:, 1:-1]], 1)


def shown(tokenizer, before, made, z):
    """
    How far what the decoder shows of the latents `made` is from what it shows of `z`, after `before`; all `[B, L, C]`.
    A latent's error says little of how it looks (Berrada et al., 2024, arXiv 2411.04873): here a gripper in the wrong
    place costs more than a tint of the table.
    """
    pixels = tokenizer.decode_clip(torch.stack([before, project(made)], 1))[:, 1]
    with torch.no_grad():
        target = tokenizer.decode_clip(torch.stack([before, z], 1))[:, 1]
        weight = 1 + 4 * salience(target - tokenizer.maps["picture"].repeat(tokenizer.stride, 1, 1))
    error = pixels - target
    return (weight * (error.square() + 0.1 * absolute(error))).mean()


def losses(model, tokenizer, batch, normal, flow_map):
    z, clean, previous = batch["z"], batch["clean"], batch["previous"]
    b, ticks = z.shape[:2]
    pose = (batch["proprioception"] - normal[0]) / normal[1]
    before = (batch["pose_before"] - normal[0]) / normal[1]
    off = torch.rand(b, 1, 1, device=z.device) * POSE_NOISE  # as the head's reading is
    before[:, 1:] += torch.randn_like(before[:, 1:]) * off
    before[:, 0] = 0
    control = torch.cat([batch["actions"].flatten(2), before], 2)
    clean, previous = haunted(clean, previous, z)
    level = torch.rand(b, 1, device=z.device) * CONTEXT_NOISE * (torch.rand(b, 1, device=z.device) > 0.5)
    clean = clean + torch.randn_like(z) * level[..., None, None]
    context_noise = torch.randn_like(z) * level[..., None, None]
    previous = torch.cat([previous[:, :1], previous[:, 1:] + context_noise[:, 1:]], 1)
    level = level.expand(b, ticks)
    noise = torch.randn_like(z)
    t = torch.rand(b, ticks, device=z.device)
    t = torch.where(torch.rand_like(t) < 0.6, torch.ones_like(t), t)  # where one NFE starts, and most is to be learned
    r, target = t, z
    if flow_map:
        # AnyFlow's target: u* = v - (t - r) du/dt by a central difference, here for the end point X = z_t - t u.
        e = 0.02
        t = 0.1 + t * (0.9 - e)
        r = t * torch.rand_like(t) * (torch.rand_like(t) > 0.5)
        v = noise - z

        def velocity(t):
            zt = (1 - t)[..., None, None] * z + t[..., None, None] * noise
            x, _ = model(clean, previous, zt, control, t, r, level)
            return (zt - x) / t[..., None, None]

        with torch.no_grad():
            slope = (velocity(t + e) - velocity(t - e)) / (2 * e)
        zt = (1 - t)[..., None, None] * z + t[..., None, None] * noise
        # Early on the slope is mostly noise: it may not move the end point by more than half a standard deviation.
        correction = (t * (t - r))[..., None, None] * slope
        target = zt - t[..., None, None] * v + correction.clamp(-0.5, 0.5)
    zt = (1 - t)[..., None, None] * z + t[..., None, None] * noise
    x, (reward, success, pose_read) = model(clean, previous, zt, control, t, r, level)
    latent = (x - target)[:, 1:].square().mean()
    picture = 0
    if not flow_map:
        one, at = torch.arange(b), torch.randint(min(2, ticks - 1), ticks, (b,), device=z.device)  # after the tick before it
        picture = shown(tokenizer, z[one, at - 1], x[one, at], z[one, at])
    heads = 0.1 * F.smooth_l1_loss(reward[:, 1:], batch["rewards"][:, 1:])
    heads = heads + 0.02 * F.binary_cross_entropy_with_logits(success[:, 1:], batch["success"][:, 1:])
    heads = heads + 0.3 * F.smooth_l1_loss(pose_read[:, 1:], pose[:, 1:], beta=0.1)
    heads = heads + 0.15 * F.smooth_l1_loss(pose_read[:, 0], pose[:, 0], beta=0.1)  # a rollout reckons on from it
    return latent, picture, heads


def main():
    args = parse()
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    episodes = Episodes(args.data, limit=args.limit)
    tokenizer = load_tokenizer(args.tokenizer).to(args.device).to(memory_format=torch.channels_last).requires_grad_(False)
    with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
        train = Latents(tokenizer, episodes.train, episodes.stride, args.device, out / "train.npz")
        held_out = Latents(tokenizer, episodes.held_out, episodes.stride, args.device, out / "held_out.npz")
    del episodes.train["frames"]
    pose = episodes.train["proprioception"].reshape(-1, episodes.train["proprioception"].shape[-1])
    normal = torch.from_numpy(np.stack([pose.mean(0), pose.std(0)])).float().to(args.device)
    stride, action_size = episodes.train["actions"].shape[2:]
    model = Dynamics(
        tokens=train.moving.shape[2],
        latent_channels=train.moving.shape[3],
        stride=stride,
        action_size=action_size,
        tasks=episodes.train["rewards"].shape[-1],
        proprioception=pose.shape[-1],
        window=CLIP - 2,
    ).to(args.device)
    if args.start_from:
        model.load_state_dict(load_dynamics(args.start_from).state_dict())
    ends = torch.from_numpy(episodes.train["proprioception"][:, ::stride]).float()
    ends = ((ends.to(args.device) - normal[0]) / normal[1]).unfold(1, 2, 1).movedim(3, 2).flatten(0, 1)
    model.calibrate(torch.from_numpy(episodes.train["actions"]).to(args.device).flatten(2).flatten(0, 1), ends)
    trainer = Trainer(model, args.steps, lr=1.5e-3, muon_lr=args.muon_lr, bf16=args.bf16)
    log = trainer.resume(out, args.device)
    started, first, running, dreams = time.time(), trainer.step_number, [], deque(maxlen=DREAMS)
    while trainer.step_number < args.steps:
        step = trainer.step_number
        rng = np.random.default_rng([args.seed, step])
        torch.manual_seed(args.seed * 1_000_003 + step)
        # Once there is something to repeat: many clips have the model's own rollouts as context, as it will when used.
        if step > 0.15 * args.steps and (step % EVERY == 0 or not dreams):
            with trainer.averaged():
                dreams.extend(train.dream(model, rng, FRESH, args.device))
        batch = {k: v.to(args.device) for k, v in train.clips(rng, args.batch, dreams=dreams).items()}
        flow_map = step % 8 == 7 and step > 0.3 * args.steps
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16 and not flow_map):  # whose differences are small
            latent, picture, heads = losses(model, tokenizer, batch, normal, flow_map=flow_map)
        trainer.step(latent + picture + heads)
        if not flow_map:
            running.append((latent.item(), picture.item(), heads.item()))
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            recent = np.mean(running[-100:], 0)
            print(f"\rstep {step}/{args.steps}  latent {recent[0]:.4f}  picture {recent[1]:.4f}  heads {recent[2]:.4f}  {left / 60:.1f} min left ", end="", flush=True)
        if step % 500 == 0 or step == args.steps:
            row = dict(step=step, **dict(zip(("latent", "picture", "heads"), np.mean(running[-300:], 0).tolist())))
            with trainer.averaged():
                row.update(validate(model, tokenizer, held_out, normal, out, args.device))
            log.append(row)
            print("\n", json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            curves(out / "curves.png", log)
            trainer.save(out, log, normal=normal.cpu().numpy().tolist())


@torch.no_grad()
def validate(model, tokenizer, held_out, normal, out, device, ticks=26):
    """Open-loop rollouts; writes frames.png (real over dreamed)."""
    rng = np.random.default_rng(7)
    batch = {k: v.to(device) for k, v in held_out.clips(rng, 24, start=0, ticks=ticks).items()}
    result = {}
    start, actions = batch["z"][:, 0], batch["actions"][:, 1:]
    noise = torch.randn(batch["z"][:, 1:].shape, generator=torch.Generator().manual_seed(0)).to(device)
    z, (_, _, pose) = rollout(model, start, actions, noise, context_level=CONTEXT_LEVEL)
    _, (_, _, swapped_pose) = rollout(model, start, actions.roll(1, 0), noise, context_level=CONTEXT_LEVEL)
    true = batch["proprioception"]
    for n in (1, 10, 25):
        result[f"latent{n}"] = (z[:, n] - batch["z"][:, n]).square().mean().item()
    for name, p, n in (("tip0", pose, 0), ("tip10", pose, 10), ("tip25", pose, 25), ("swapped10", swapped_pose, 10)):
        tip = p[:, n] * normal[1] + normal[0]
        result[name] = (tip - true[:, n])[:, :3].norm(dim=-1).mean().item() * 100  # cm, by the model's own head
    decoded = to_frames(tokenizer.decode_clip(z), 4)[:, :, -1].float()
    real = to_frames(tokenizer.decode_clip(batch["z"]), 4)[:, :, -1].float()
    for n in (1, 10, 25):
        result[f"psnr{n}"] = float(-10 * np.log10((decoded[:, n] - real[:, n]).div(255).square().mean().item()))
    result["still10"] = float(-10 * np.log10((real[:, 0] - real[:, 10]).div(255).square().mean().item()))
    rows = []
    for i in range(4):
        for clip in (real, decoded):
            rows.append([clip[i, n].byte().cpu().numpy() for n in range(0, ticks, 3)])
    write_png(out / "frames.png", grid(rows, 2))
    return result


if __name__ == "__main__":
    main()
