"""How unlike the logs a tick is: the uncertainty that every tick tells.

Distances of Mahalanobis (Lee et al., 2018, arXiv 1807.03888) from what the logs show: of the tick's latent, of its control (the
actions, and the state before them), and of the latent that the stream began with, for what was strange then stays so,
whatever the dream makes of it. The uncertainty is the share of dreamed ticks of held-out logs that were less strange.

Shapes: T ticks from a stream's first, L tokens a tick, C latent channels, R numbers of a control (s A + Q).
"""

import torch
from torch import nn

class Uncertainty(nn.Module):
    """levels: the quantiles that say how strange the held-out ticks were."""

    def __init__(self, tokens, channels, control, levels=65):
        super().__init__()
        for name, shape in dict(
            control_mean=(control,), control_axes=(control, control), latent_mean=(tokens, channels), latent_axes=(channels, channels), scale=(3, 2), levels=(levels,)
        ).items():
            self.register_buffer(name, torch.zeros(shape))

    @torch.no_grad()
    def fit(self, latents, controls):
        """To logs: latents `[n, L, C]`, controls `[n, R]`."""
        self.control_mean.copy_(controls.mean(0))
        self.control_axes.copy_(whitening(controls - self.control_mean))
        self.latent_mean.copy_(latents.mean(0))
        self.latent_axes.copy_(whitening((latents - self.latent_mean).flatten(0, 1)))

    @torch.no_grad()
    def calibrate(self, rollouts):
        """To dreams of held-out logs: latents `[T, L, C]` and controls `[T, R]` of each."""
        distances = torch.cat([self.distances(latents, controls) for latents, controls in rollouts])
        self.scale.copy_(torch.stack([distances.mean(0), distances.std(0)], 1))
        strange = torch.cat([self.strangeness(latents, controls) for latents, controls in rollouts])
        self.levels.copy_(torch.quantile(strange, torch.linspace(0, 1, len(self.levels))))

    def distances(self, latents, controls):
        """Of a stream, `[T, L, C]` and `[T, R]` -> logarithms of mean squares of the latent, the control and the first latent, `[T, 3]`."""
        latent = ((latents - self.latent_mean) @ self.latent_axes).square().mean((1, 2)).log()
        control = ((controls - self.control_mean) @ self.control_axes).square().mean(1).log()
        return torch.stack([latent, control, latent[:1].expand_as(latent)], 1)

    def strangeness(self, latents, controls):
        """-> the largest of the three, in standard deviations of the held-out ticks, `[T]`."""
        return ((self.distances(latents, controls) - self.scale[:, 0]) / self.scale[:, 1]).amax(1)

    def forward(self, latents, controls):
        """-> uncertainty in [0, 1], `[T]`."""
        strange = self.strangeness(latents, controls)
        last = len(self.levels) - 1
        above = torch.searchsorted(self.levels, strange).clamp(1, last)
        low, high = self.levels[above - 1], self.levels[above]
        return ((above - 1 + (strange - low) / (high - low)) / last).clamp(0, 1)


def whitening(x):
    """x `[n, d]` about 0 -> axes `[d, d]` along which it has unit variance; what hardly varies counts as if it did a little."""
    variances, axes = torch.linalg.eigh(x.double().t() @ x.double() / len(x))
    return (axes / (variances + 1e-4 * variances.mean()).sqrt()).float()
