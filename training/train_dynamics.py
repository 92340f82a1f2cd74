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

from content import digest, of_logs
from data import Episodes, exchanges, known, normalised, read_meta, state_names, views
from dynamics import CONTEXT_LEVEL, Dynamics, rollout
from optimizer import Trainer, checkpoint
from plot import curves, grid, write_png
from predictor import features_of, fit, fit_scores
from shards import SHORTEST
from tokenizer import absolute, project, salience, to_frames
from world import load_dynamics, load_normal, load_tokenizer

CLIP = 18  # ticks of a training clip, from the sink on
CONTEXT_NOISE = 0.15  # most noise on the context, in standard deviations of the latents
STATE_NOISE = 0.03  # most noise on the state before a tick, in its standard deviations
GHOSTS = 0.5  # share of clips whose context shows, faintly and in places, another scene
STARTS = tuple(range(0, 23, 2))  # ticks of an episode at which a stream may start
DREAMED = 0.5  # share of clips whose context is the model's own rollout
DREAMS, FRESH, EVERY = 128, 32, 32  # rollouts that are kept, and how many new ones are made every so many steps
DEPTH = CLIP - 1  # ticks of a rollout: deeper, and what was can't be told any more from what the context shows
GAPS = 0.3  # share of clips, of those that can, with a gap behind the sink
CHUNKED = 0.5  # share of batches that are denoised in chunks of several ticks
BALANCE = 0.01  # weight of the experts' load balance (Switch Transformers, arXiv 2101.03961)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of shards from `npm run generate`")
    parser.add_argument("--tokenizer", required=True, help="output folder of train_tokenizer.py, or a world")
    parser.add_argument("--out", required=True, help="folder for checkpoint.pt, log.json, curves.png, frames.png; resumes from it")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch", type=int, default=5, help="clips a step")
    parser.add_argument("--states", help="folder of more shards of the same tasks, of frames of any size: predictor and scores are fitted to them too")
    parser.add_argument("--predictor-steps", type=int, default=12_000, help="steps in which the predictor is fitted, before, and twice those of the scores")
    parser.add_argument("--muon-lr", type=float, default=0.02)
    parser.add_argument("--bf16", action="store_true", help="autocast to bf16: faster where the machine computes in it")
    parser.add_argument("--start-from", help="output folder of another run of this script, or a world, whose weights to start from")
    parser.add_argument("--predictor", choices=("kept", "anew"), help="what becomes of the predictor of --start-from; must be said where these logs make another one")
    parser.add_argument("--model", default="{}", help="JSON: what is to be otherwise in Dynamics")
    parser.add_argument("--limit", type=int, help="read only so many shards, the last")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def encoded(logs, tokenizer):
    """The digest of what makes `Latents`: of the logs (`content.of_logs`), and of what of the tokenizer encodes."""
    return digest(logs, tokenizer.encoding(), STARTS)


class Latents:
    """
    moving `[E, T, L, C]`: every tick of every episode, or of the first `most`; still `[E, starts, L, C]`: the frames at
    STARTS alone; first `[E, H, W, 3]` uint8: the first frame. Kept in the file `cache` with the digest `made_of` of what
    made them.
    """

    def __init__(self, tokenizer, split, stride, device, cache, made_of, most=None):
        self.split, frames = split, split["frames"][:most]
        self.first = split["frames"][:, 0].copy()  # the others may go
        stored = np.load(cache) if cache.exists() else {}
        if "made_of" in stored and stored["made_of"] == made_of and len(stored["still"]) >= len(frames):
            self.moving, self.still = (stored[name] for name in ("moving", "still"))
            return
        moving, still = [], []
        for i in range(len(frames)):
            ticks = frames[i][1:].reshape(-1, stride, *frames.shape[2:])
            alone = np.repeat(frames[i][[stride * k for k in STARTS]][:, None], stride, 1)
            with torch.no_grad():
                z = tokenizer.latents(torch.from_numpy(np.concatenate([ticks, alone])).to(device))
            z = z.float().cpu().numpy()
            moving.append(z[: len(ticks)].astype(np.float16))
            still.append(z[len(ticks) :].astype(np.float16))
            print(f"\rencoding episode {i + 1}/{len(frames)}", end="", flush=True)
        print()
        self.moving, self.still = np.stack(moving), np.stack(still)
        np.savez(cache, moving=self.moving, still=self.still, made_of=made_of)

    def fitting(self, ticks):
        """How many of the starts, which come first, have so many ticks from the sink on."""
        return sum(start + ticks - 1 <= self.moving.shape[1] for start in STARTS)

    def clips(self, rng, batch, start=None, ticks=CLIP, dreams=()):
        """
        Clips of a sink and the ticks right behind it: `z` what was, `clean` the context: the same, or what the model
        itself made of it in one of the `dreams` (episode, start, latents from the start's tick on). Some have a gap behind
        the sink, which is of an earlier start: `entry`, `entry_state` are the latent and the state right before the tick
        after it, and `entry_actions`, `entry_earlier` what led there: the block, and the state before.
        """
        s = self.split
        fields = {k: [] for k in ("z", "clean", "has_gap", "entry", "entry_state", "entry_actions", "entry_earlier", "actions", "rewards", "success", "state", "first")}
        for _ in range(batch):
            e, n, seen = rng.integers(len(self.moving)), rng.integers(self.fitting(ticks)) if start is None else start, None
            if dreams and rng.random() < DREAMED:
                e, n, seen = dreams[rng.integers(len(dreams))]
            origin = STARTS[n]
            rows = slice(origin, origin + ticks - 1)  # of `moving`: the clip's ticks after the sink
            z = np.concatenate([self.still[e, n][None], self.moving[e, rows]])
            stride = (s["state"].shape[1] - 1) // self.moving.shape[1]
            state = s["state"][e, stride * origin : stride * (origin + ticks - 1) + 1 : stride]
            entry, entry_state, entry_earlier = z[0], state[0], state[0]
            entry_actions = np.zeros_like(s["actions"][e, 0])
            has_gap = seen is None and start is None and n > 0 and rng.random() < GAPS
            if has_gap:
                entry, earlier = self.moving[e, origin - 1], rng.integers(n)
                entry_actions, entry_earlier = s["actions"][e, origin - 1], s["state"][e, stride * (origin - 1)]
                z = np.concatenate([self.still[e, earlier][None], z[1:]])
                state = np.concatenate([s["state"][e, stride * STARTS[earlier]][None], state[1:]])
            fields["z"].append(z)
            fields["clean"].append(z if seen is None else seen[:ticks])
            fields["has_gap"].append(has_gap)
            fields["entry"].append(entry)
            fields["entry_state"].append(entry_state)
            fields["entry_earlier"].append(entry_earlier)
            fields["entry_actions"].append(entry_actions)
            fields["state"].append(state)
            fields["first"].append(self.first[e])
            for name in ("actions", "rewards", "success"):
                value = s[name][e, rows]
                fields[name].append(np.concatenate([np.zeros_like(value[:1]), value]))
        batch = {k: torch.from_numpy(np.stack(v)) for k, v in fields.items()}
        return {k: v if v.dtype == torch.bool else v.float() for k, v in batch.items()}

    def dream(self, model, rng, count, normal, device):
        """Rollouts of `count` episodes under their own actions, from the same start: [(episode, start, latents)]."""
        n = rng.integers(self.fitting(CLIP))
        chosen = rng.integers(len(self.moving), size=count)
        start = torch.from_numpy(self.still[chosen, n]).float().to(device)
        actions = torch.from_numpy(self.split["actions"][chosen, STARTS[n] : STARTS[n] + DEPTH]).to(device)
        noise = torch.randn(actions.shape[:2] + start.shape[1:], device=device)
        frame = STARTS[n] * (self.split["state"].shape[1] - 1) // self.moving.shape[1]
        state = normalised(torch.from_numpy(self.split["state"][chosen, frame]).float().to(device), normal)
        latents = rollout(model, start, state, actions, noise, context_level=CONTEXT_LEVEL)[0].half().cpu().numpy()
        return [(e, n, z) for e, z in zip(chosen, latents)]


def haunted(clean):
    """
    The context with a faint ghost: on some tokens a share of another clip's latent, the same at every tick but the sink.
    What a long rollout gathers looks like that; noise does not.
    """
    b, ticks, length, _ = clean.shape
    other = clean.roll(1, 0)[torch.arange(b, device=clean.device), torch.randint(ticks, (b,), device=clean.device)].unsqueeze(1)
    share = torch.rand(b, 1, length, 1, device=clean.device) * 0.5 * (torch.rand(b, 1, length, 1, device=clean.device) < 0.4)
    share = share * (torch.rand(b, 1, 1, 1, device=clean.device) < GHOSTS)
    return torch.cat([clean[:, :1], project(clean[:, 1:].lerp(other, share))], 1)


def chunks(ticks, chunked):
    """The first tick of each tick's chunk, `[T]`: chunks of 1 to 8 ticks, or of one."""
    first, n = [0], 1
    while n < ticks:
        length = int(torch.randint(1, 9, ())) if chunked else 1
        first += [n] * min(length, ticks - n)
        n += length
    return torch.tensor(first)


def shown(tokenizer, before, made, z, state, first):
    """
    How far what the decoder shows of the latents `made` is from what it shows of `z`, after `before`; all `[B, L, C]`, with
    the states around and between them, `[B, 3, Q]`, and the episodes' first frames `[B, H, W, 3]`.
    A latent's error says little of how it looks (Berrada et al., 2024, arXiv 2411.04873): here a gripper in the wrong
    place costs more than a tint of the table.
    """
    begun = tokenizer.begin(first)
    pixels = tokenizer.decode_clip(torch.stack([before, project(made)], 1), state, begun)[:, 1]
    with torch.no_grad():
        target = tokenizer.decode_clip(torch.stack([before, z], 1), state, begun)[:, 1]
        weight = 1 + 4 * salience(target - tokenizer.maps["picture"].repeat(tokenizer.stride, 1, 1))
    error = pixels - target
    return (weight * (error.square() + 0.1 * absolute(error))).mean()


def losses(model, tokenizer, batch, normal, flow_map, chunked):
    z = batch["z"]
    b, ticks = z.shape[:2]
    device = z.device
    state, entry, earlier = (normalised(batch[k], normal) for k in ("state", "entry_state", "entry_earlier"))
    before = torch.cat([state[:, :1], entry[:, None], state[:, 1:-1]], 1)
    # As the head's state is: off, and off by as much in the tick before.
    off = torch.randn_like(entry) * torch.rand(b, 1, device=device) * STATE_NOISE
    controls = torch.cat([batch["actions"].flatten(2), before + off[:, None]], 2)
    second = torch.where(batch["has_gap"][:, None], torch.cat([batch["entry_actions"].flatten(1), earlier + off], 1), controls[:, 0])
    pairs = torch.cat([controls, torch.cat([controls[:, :1], second[:, None], controls[:, 1:-1]], 1)], 2)
    begins = chunks(ticks, chunked)  # asked for below: on a GPU each answer would wait for all that it has to do
    first = begins.to(device)
    predicted, size = [], controls.shape[2]  # inside a chunk nothing is read: predictions go on from predictions
    for n in range(ticks):
        if begins[n] == n:
            predicted.append(pairs[:, n])
        else:
            control = torch.cat([batch["actions"][:, n].flatten(1), model.predict(predicted[-1])], 1)
            predicted.append(torch.cat([control, predicted[-1][:, :size]], 1))
    predicted = torch.stack(predicted, 1)
    # The latent before the tick behind the sink goes through the same, as one tick more.
    clean = haunted(torch.cat([batch["clean"], batch["entry"][:, None]], 1))
    level = torch.rand(b, 1, device=device) * CONTEXT_NOISE * (torch.rand(b, 1, device=device) > 0.5)
    clean = clean + torch.randn_like(clean) * level[..., None, None]
    clean, entry = clean[:, :-1], torch.where(batch["has_gap"][:, None, None], clean[:, -1], clean[:, 0])
    previous = torch.cat([torch.zeros_like(z[:, :1]), entry[:, None], clean[:, 1:-1]], 1)
    context = dict(z=clean, previous=previous, pair=pairs)
    level = level.expand(b, ticks)
    noise = torch.randn_like(z)
    t = torch.rand(b, ticks, device=device)
    t = torch.where(torch.rand_like(t) < 0.6, torch.ones_like(t), t)[:, first]  # where one NFE starts, and most is to be learned
    r, target = t, z

    def run(t, r):
        zt = (1 - t)[..., None, None] * z + t[..., None, None] * noise
        return zt, model(context, dict(z=zt, previous=previous[:, first], pair=predicted), first, t, r, level)

    if flow_map:
        # AnyFlow's target: u* = v - (t - r) du/dt by a central difference, here for the end point X = z_t - t u.
        e = 0.02
        t = (0.1 + torch.rand(b, ticks, device=device) * (0.9 - e))[:, first]
        r = t * (torch.rand_like(t) * (torch.rand_like(t) > 0.5))[:, first]
        v = noise - z

        def velocity(t):
            zt, (x, _, _) = run(t, r)
            return (zt - x) / t[..., None, None]

        with torch.no_grad():
            slope = (velocity(t + e) - velocity(t - e)) / (2 * e)
        zt = (1 - t)[..., None, None] * z + t[..., None, None] * noise
        # Early on the slope is mostly noise: it may not move the end point by more than half a standard deviation.
        correction = (t * (t - r))[..., None, None] * slope
        target = zt - t[..., None, None] * v + correction.clamp(-0.5, 0.5)
    _, (x, (reward, success, read), logits) = run(t, r)
    latent = (x - target)[:, 1:].square().mean()
    picture = 0
    if not flow_map:
        one, at = torch.arange(b, device=device), torch.randint(1, ticks, (b,), device=device)
        told = torch.stack([state[one, (at - 2).clamp(min=0)], state[one, at - 1], state[one, at]], 1)
        picture = shown(tokenizer, z[one, at - 1], x[one, at], z[one, at], told, batch["first"])
    rewards, mean = known(batch["rewards"][:, 1:])
    heads = 0.1 * mean(F.smooth_l1_loss(reward[:, 1:], rewards, reduction="none"))
    heads = heads + 0.02 * mean(F.binary_cross_entropy_with_logits(success[:, 1:], batch["success"][:, 1:], reduction="none"))
    heads = heads + 0.5 * F.smooth_l1_loss(read, state, beta=0.05)
    share = logits.softmax(-1).flatten(0, 1)
    used = F.one_hot(logits.argmax(-1).flatten(), share.shape[-1]).float()
    balance = share.shape[-1] * (used.mean(0) * share.mean(0)).sum()
    return latent, picture, heads + BALANCE * balance, used.mean(0)


def go_on(model, folder, predictor):
    """
    Takes the weights of the run or world in `folder`. predictor: whether its predictor is "kept" as it is, or `model`'s begins
    "anew"; None where they are of the same sizes. Of other things alike it can't be kept.
    """
    before = load_dynamics(folder)
    ours, theirs = (dict(part.config, alike=part.views.tolist()) for part in (model.predictor, before.predictor))
    others = [key for key in ours if ours[key] != theirs[key]]
    if others and (predictor is None or predictor == "kept" and "alike" in others):
        said = ", ".join(key if key == "alike" else f"{key} {theirs[key]}, here {ours[key]}" for key in others)
        ways = ["--predictor anew begins another one", *(["--predictor kept goes on with it as it is"] if "alike" not in others else [])]
        raise SystemExit(f"the predictor of {folder} is of another kind than these logs make ({said}): {'; '.join(ways)}")
    if predictor == "anew":
        before.predictor = model.predictor
    elif others:
        model.predictor, model.config["predictor"] = before.predictor.train(), before.predictor.config
    model.load_state_dict(before.state_dict())


def joined(sources, name, device):
    return torch.from_numpy(np.concatenate([source.train[name] for source in sources])).float().to(device)


def learn_predictor(model, sources, args, normal):
    actions, states = (joined(sources, name, args.device) for name in ("actions", "state"))
    orders = exchanges(sources[0].names, sources[0].alike).to(args.device)
    mirror = [signs.to(args.device) for signs in sources[0].mirror]
    fit(model, actions.flatten(1, 2), states, normal, orders, mirror, sources[0].stride, args.predictor_steps, args.bf16)


def learn_scores(model, sources, args, normal):
    states, rewards, success = (joined(sources, name, args.device) for name in ("state", "rewards", "success"))
    stride = sources[0].stride
    ends = normalised(states[:, stride::stride].flatten(0, 1), normal)
    fit_scores(model, ends, rewards.flatten(0, 1), success.flatten(0, 1), args.predictor_steps // 2, args.bf16)


PARTS = dict(predictor=learn_predictor, scores=learn_scores)  # what knows no pictures


def kept(file, made_of, device):
    """The weights in `file`, if they were made of the same."""
    saved = torch.load(file, map_location=device) if file.exists() else {}
    return saved["weights"] if saved.get("made_of") == made_of else None


def learn_from_numbers(model, sources, args, normal, out, made_of):
    """Fits `PARTS`, or reads them from `out`, where each is kept with the digest `made_of`; and leaves them as they are."""
    for part, learn in PARTS.items():
        module, file = model.get_submodule(part), out / f"{part}.pt"
        if kept(file, made_of[part], args.device) is None:
            learn(module, sources, args, normal)
            torch.save(dict(weights=module.state_dict(), made_of=made_of[part]), file)
        module.load_state_dict(kept(file, made_of[part], args.device))
        module.requires_grad_(False)


def described(meta):
    """What two folders of logs have to say alike, if numbers are learnt from both."""
    return [meta.get(key) for key in ("stride", "ticks", "action", "alike", "mirrored", "rewardTasks")] + state_names(meta)[0]


def settle(sources):
    """A task of which no log tells anything is learnt as one that never rewards or ends."""
    told = np.any([np.isfinite(source.train["rewards"]).any((0, 1)) for source in sources], 0)
    for source in sources:
        source.train["rewards"][..., ~told] = 0
    for name in np.array(sources[0].meta["rewardTasks"])[~told]:
        print(f"no log that is learnt from tells of {name}: it will have no reward and no end")


def main():
    args = parse()
    torch.set_flush_denormal(True)  # the gradients of a sharp softmax are full of them: a CPU takes ten times as long
    torch.manual_seed(args.seed)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    episodes = Episodes(args.data, limit=args.limit)
    if args.states and described(read_meta(args.states)) != described(episodes.meta):
        raise SystemExit(f"{args.states} and {args.data} have other ticks or tasks, name other numbers, or say otherwise what is alike or mirrored")
    tokenizer = load_tokenizer(args.tokenizer).to(args.device).to(memory_format=torch.channels_last).requires_grad_(False)
    normal = load_normal(args.tokenizer).to(args.device)
    stride, action_size = episodes.train["actions"].shape[2:]
    model = Dynamics(
        tokens=(tokenizer.size // 16) ** 2,
        latent_channels=tokenizer.latent_channels,
        stride=stride,
        action_size=action_size,
        tasks=episodes.train["rewards"].shape[-1],
        proprioception=episodes.train["proprioception"].shape[-1],
        environment=normal.shape[-1] - episodes.train["proprioception"].shape[-1],
        views=views(episodes.names, episodes.alike),
        predictor=dict(features=features_of(episodes.gaps)),
        **json.loads(args.model),
    ).to(args.device)
    model.predictor.begin(normal, episodes.gaps)
    if args.start_from:
        go_on(model, args.start_from, args.predictor)
        model.to(args.device)
    model.predictor.measure(normal)
    logs = of_logs(args.data, args.limit)
    told = [logs, *([of_logs(args.states)] if args.states else [])]
    begun = {part: model.get_submodule(part).state_dict() for part in PARTS}
    shapes = {part: [(name, tuple(x.shape)) for name, x in begun[part].items()] for part in PARTS}
    made_of = {part: digest(told, normal, args.predictor_steps, shapes[part], begun[part] if args.start_from else None) for part in PARTS}
    latents = encoded(logs, tokenizer)
    whole = digest(latents, made_of)
    checkpoint(out, args.device, whole)  # is refused before anything is made
    with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16):
        # As many ticks as the steps draw: to encode all the episodes for few steps takes longer than the steps do.
        most = max(DREAMS, args.steps * args.batch * CLIP // episodes.train["actions"].shape[1])
        train = Latents(tokenizer, episodes.train, episodes.stride, args.device, out / "train.npz", latents, most)
        held_out = Latents(tokenizer, episodes.held_out, episodes.stride, args.device, out / "held_out.npz", latents)
    del episodes.train["frames"], episodes.held_out["frames"]  # gigabytes
    fitted = all(kept(out / f"{part}.pt", made_of[part], args.device) is not None for part in PARTS)
    needed = not fitted or np.isnan(episodes.train["rewards"]).all((0, 1)).any()  # they may tell of a task that no frames do
    more = [Episodes(args.states, held_out=0)] if args.states and needed else []
    for source in more:
        del source.train["frames"], source.held_out["frames"]
    settle([episodes, *more])
    learn_from_numbers(model, [episodes, *more], args, normal, out, made_of)
    trainer = Trainer(model, args.steps, lr=1.5e-3, muon_lr=args.muon_lr, bf16=args.bf16)
    log = trainer.resume(out, args.device, whole)
    started, first, running, dreams = time.time(), trainer.step_number, [], deque(maxlen=DREAMS)
    while trainer.step_number < args.steps:
        step = trainer.step_number
        rng = np.random.default_rng([args.seed, step])
        torch.manual_seed(args.seed * 1_000_003 + step)
        # Once there is something to repeat: many clips have the model's own rollouts as context, as it will when used.
        if step > 0.15 * args.steps and (step % EVERY == 0 or not dreams):
            with trainer.averaged():
                dreams.extend(train.dream(model, rng, FRESH, normal, args.device))
        batch = {k: v.to(args.device) for k, v in train.clips(rng, args.batch, dreams=dreams).items()}
        flow_map = step % 16 == 15 and step > 0.5 * args.steps
        with torch.autocast(torch.device(args.device).type, torch.bfloat16, enabled=args.bf16 and not flow_map):  # whose differences are small
            latent, picture, heads, used = losses(model, tokenizer, batch, normal, flow_map, chunked=rng.random() < CHUNKED)
        trainer.step(latent + picture + heads)
        if not flow_map:
            running.append((latent.item(), picture.item(), heads.item(), *used.tolist()))
        step = trainer.step_number
        if step % 20 == 0 or step == args.steps:
            left = (time.time() - started) / (step - first) * (args.steps - step)
            recent = np.mean(running[-100:], 0)
            print(f"\rstep {step}/{args.steps}  latent {recent[0]:.4f}  picture {recent[1]:.4f}  heads {recent[2]:.4f}  experts {np.round(recent[3:], 2)}  {left / 60:.1f} min left ", end="", flush=True)
        if step % 500 == 0 or step == args.steps:
            row = dict(step=step, **dict(zip(("latent", "picture", "heads", *(f"expert{e}" for e in range(len(used)))), np.mean(running[-300:], 0).tolist())))
            with trainer.averaged():
                row.update(validate(model, tokenizer, held_out, normal, out, args.device))
            log.append(row)
            print("\n", json.dumps({k: round(v, 4) for k, v in row.items()}), flush=True)
            curves(out / "curves.png", log)
            trainer.save(out, log, made_of=whole)


@torch.no_grad()
def validate(model, tokenizer, held_out, normal, out, device, ticks=SHORTEST):
    """
    Open-loop rollouts: errors of latents and states (the robot's pose, the environment's state; in standard deviations),
    and PSNR to what the decoder shows of the truth. Writes frames.png, the truth as decoded over what was dreamed.
    """
    rng = np.random.default_rng(7)
    batch = {k: v.to(device) for k, v in held_out.clips(rng, 24, start=0, ticks=ticks).items()}
    result = {}
    start, actions = batch["z"][:, 0], batch["actions"][:, 1:]
    noise = torch.randn(batch["z"][:, 1:].shape, generator=torch.Generator().manual_seed(0)).to(device)
    state = normalised(batch["state"], normal)
    z, (_, _, read) = rollout(model, start, state[:, 0], actions, noise, context_level=CONTEXT_LEVEL)
    _, (_, _, swapped) = rollout(model, start, state[:, 0], actions.roll(1, 0), noise, context_level=CONTEXT_LEVEL)
    for n in (1, 10, 25):
        result[f"latent{n}"] = (z[:, n] - batch["z"][:, n]).square().mean().item()
        off, robot = (read[:, n] - state[:, n]).abs(), model.proprioception
        result[f"pose{n}"] = off[:, :robot].mean().item()
        if off.shape[1] > robot:
            result[f"state{n}"] = off[:, robot:].mean().item()
    result["swapped10"] = (swapped[:, 10] - state[:, 10])[:, :robot].abs().mean().item()
    begun = tokenizer.begin(batch["first"])
    decoded, real = (
        to_frames(tokenizer.decode_clip(of, torch.cat([told[:, :1], told], 1), begun), tokenizer.stride)[:, :, -1].float()
        for of, told in ((z, read), (batch["z"], state))
    )
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
