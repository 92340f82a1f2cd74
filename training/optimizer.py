"""Muon for the matrices, AdamW for the rest; a cosine schedule; a moving average of the weights; checkpoints.

Muon: momentum whose matrix is made orthogonal by five Newton-Schulz steps (Jordan et al., 2024, "Muon: an optimizer for
hidden layers").
"""

import contextlib
import json
import math

import torch


def orthogonal(g, dtype):
    """`[m, n]` -> about U V^T of its singular value decomposition, computed in `dtype`."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = (g / (g.norm() + 1e-7)).to(dtype)
    transposed = x.shape[0] > x.shape[1]
    if transposed:
        x = x.t()
    for _ in range(5):
        xx = x @ x.t()
        x = a * x + (b * xx + c * xx @ xx) @ x
    return (x.t() if transposed else x).to(g.dtype)


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, momentum=0.95, weight_decay=0.01, dtype=torch.float32):
        self.dtype = dtype
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                m = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                update = orthogonal(p.grad.lerp(m, group["momentum"]).flatten(1), self.dtype)
                scale = max(1.0, update.shape[0] / update.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(update.reshape(p.shape), alpha=-group["lr"] * scale)


def checkpoint(folder, device, made_of=None):
    """What `Trainer.save` left in a folder, or None. Refuses what says it was `made_of` something else (a digest of content.py)."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return None
    saved = torch.load(path, map_location=device)
    if made_of is not None and saved.get("made_of", made_of) != made_of:
        raise SystemExit(f"{path} was trained on other logs, or on from other weights: give another --out, or delete {folder}")
    return saved


class Trainer:
    """
    Steps a model through `steps` steps and keeps the moving average `ema` of its weights. plain: the parts whose matrices
    AdamW moves too; where nothing norms what they put out, Muon's steps are too long. bf16: Muon makes its matrices
    orthogonal in bf16, which is exact enough for it, as its author does.
    """

    def __init__(self, model, steps, lr=2e-3, muon_lr=0.02, ema=0.999, warmup=100, bf16=False, plain=()):
        known = {id(p) for part in plain for p in part.parameters()}
        matrices = [p for p in model.parameters() if p.requires_grad and id(p) not in known and p.dim() >= 2 and min(p.shape[:2]) > 8 and p.dim() != 3]
        chosen = {id(p) for p in matrices}
        rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
        self.optimizers, self.base = [torch.optim.AdamW(rest, lr, betas=(0.9, 0.98), weight_decay=0.0)], [lr]
        if matrices:
            self.optimizers.append(Muon(matrices, muon_lr, dtype=torch.bfloat16 if bf16 else torch.float32))
            self.base.append(muon_lr)
        self.model, self.steps, self.warmup, self.decay, self.step_number = model, steps, warmup, ema, 0
        self.ema = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def step(self, loss):
        rate = min(1.0, (self.step_number + 1) / self.warmup)
        rate *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.step_number / self.steps)))
        for optimizer, base in zip(self.optimizers, self.base):
            for group in optimizer.param_groups:
                group["lr"] = base * rate
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self.step_number += 1
        decay = min(self.decay, (1 + self.step_number) / (10 + self.step_number))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                self.ema[name].lerp_(value, 1 - decay)

    @contextlib.contextmanager
    def averaged(self):
        """The model has its averaged weights for as long as the block lasts."""
        trained = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        yield
        self.model.load_state_dict(trained)

    def save(self, folder, log, **more):
        """
        Writes checkpoint.pt, whole or not at all, and log.json; `more` is what the model's user needs beside it, `made_of`
        what `checkpoint` asks for.
        """
        state = dict(
            model=self.model.state_dict(),
            ema=self.ema,
            optimizers=[o.state_dict() for o in self.optimizers],
            step=self.step_number,
        )
        (folder / "log.json").write_text(json.dumps(log))
        torch.save(dict(trainer=state, log=log, config=self.model.config, **more), folder / "checkpoint.tmp")
        (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")

    def resume(self, folder, device, made_of=None):
        """Goes on from the folder's `checkpoint`, if there is one. Returns its log."""
        saved = checkpoint(folder, device, made_of)
        if saved is None:
            return []
        self._load(saved["trainer"])
        print(f"resumed at step {self.step_number}")
        return saved["log"]

    def _load(self, state):
        self.model.load_state_dict(state["model"])
        self.ema = state["ema"]
        for optimizer, saved in zip(self.optimizers, state["optimizers"]):
            optimizer.load_state_dict(saved)
        self.step_number = state["step"]
