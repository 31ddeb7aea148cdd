"""The path of training for a GPU: one batch in, changed weights out, and no result waited for."""

from typing import Protocol

import torch

from samedream.sae.distributed import Ranks
from samedream.sae.gpu.auxk import aux_part, room
from samedream.sae.gpu.choice import Entries, by_feature, choose
from samedream.sae.gpu.plain import PlainKernels, adam
from samedream.sae.gpu.readings import Readings
from samedream.sae.gpu.state import AuxPart, Gradients, Learned, Rates, Work
from samedream.sae.gradients import Losses, Parameters
from samedream.sae.variants.protocol import Variant

LAG = 8  # steps: far more than a GPU needs to be kept busy, and a diverged run is still noticed at once
_NAMES = ("encoder", "encoder_bias", "decoder", "decoder_bias")


class Kernels(Protocol):
    """The sparse work of a step; described in `samedream.sae.gpu.plain.PlainKernels`."""

    def decode(self, entries: Entries, weights: Parameters, rows: torch.Tensor) -> torch.Tensor:
        """Errors of the nested dictionaries."""

    def value_slopes(
        self, entries: Entries, pulls: torch.Tensor, decoder: torch.Tensor, *, l1_slope: float
    ) -> torch.Tensor:
        """Slopes of the loss by the activations."""

    def sums(self, work: Work) -> Gradients:
        """Gradients of every feature."""

    def update(self, found: Gradients, learned: Learned, rates: Rates) -> None:
        """Projection, Adam and unit norm of all features."""

    def learn(self, work: Work, learned: Learned, rates: Rates) -> None:
        """`sums` and `update` in one."""


def best_kernels(nested: tuple[int, ...], device: torch.device) -> Kernels:
    """Triton's on a GPU where it is installed, else torch's."""
    if device.type == "cuda":
        try:
            from samedream.sae.gpu.kernels import TritonKernels
        except ImportError:
            return PlainKernels()
        return TritonKernels(nested, device)
    return PlainKernels()


class GpuEngine:
    """Learns as `samedream.sae.reference.TorchEngine` does, up to the rounding of the encoder's product.

    Two things differ from the engines for a CPU. Features are given and returned as masks, since a list of them has a
    length that the host would have to wait for. And the losses that a step returns are those of `lag` steps before.
    """

    def __init__(
        self,
        weights: Parameters,
        kind: Variant,
        *,
        aux_k: int,
        ranks: Ranks | None = None,
        lag: int = LAG,
        product: torch.dtype = torch.bfloat16,
        kernels: Kernels | None = None,
    ) -> None:
        """Take weights over; they are changed in place.

        Args:
            weights: The dictionary, on the device that does the work.
            kind: Which activations are kept; its `rule` is not None.
            aux_k: How many dead features reconstruct a row's residual.
            ranks: The processes that train this dictionary together; None: this one alone.
            lag: How many steps late losses and the number of dead features are read.
            product: Number format of the encoder's product; sums are float32 in any case.
            kernels: What does the sparse work; by default the fastest there is.
        """
        assert kind.rule is not None
        self.weights, self._kind, self._aux_k, self._ranks = weights, kind, aux_k, ranks
        self._rule, self._device = kind.rule, weights.encoder.device
        self._learned = Learned.start(weights, product)
        self._kernels = kernels if kernels is not None else best_kernels(kind.nested, self._device)
        self._losses, self._dead = Readings(3, self._device, lag=lag), Readings(1, self._device, lag=lag)
        self._steps, self.dead_count = 0, 0

    def step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d], contiguous; on the CPU or the device.
            rate: Learning rate.
            dead: Which features have not fired for a while, bool [features], on the device.

        Returns:
            The losses of `lag` steps before (of the first step while there are no earlier ones), and which features
            fired in this one, bool [features], on the device.
        """
        rows = self._brought(rows)
        [dead_then] = self._dead.exchange(self._steps, dead.sum(dtype=torch.float32).unsqueeze(0))
        self.dead_count = int(dead_then)
        low = self._learned.low
        pre = torch.addmm(self.weights.encoder_bias.to(low.dtype), rows.to(low.dtype), low.T)
        entries = choose(pre, self._rule, self._kind.k, nested=self._kind.nested)
        errors = self._kernels.decode(entries, self.weights, rows)
        aux = self._aux(rows, pre, errors[-1], dead=dead)
        figures = self._figures(entries, errors, aux)
        fired = self._learn(rows, entries, _pulls(errors), aux=aux, rate=rate)
        if self._ranks is not None:
            self._ranks.mean_([figures])
            fired = self._ranks.union(fired)
        losses = self._losses.exchange(self._steps, figures)
        self._steps += 1
        return Losses(*losses), fired

    def _brought(self, rows: torch.Tensor) -> torch.Tensor:
        """Rows on the device, without waiting: torch keeps a pinned block until its copy is done."""
        if rows.device == self._device:
            return rows
        return rows.pin_memory().to(self._device, non_blocking=True)

    def _aux(self, rows: torch.Tensor, pre: torch.Tensor, error: torch.Tensor, *, dead: torch.Tensor) -> AuxPart | None:
        space = room(self.dead_count, len(dead))
        if not space:
            return None
        return aux_part(self.weights, rows, pre=pre, residual=-error, dead=dead, space=space, aux_k=self._aux_k)

    def _figures(self, entries: Entries, errors: torch.Tensor, aux: AuxPart | None) -> torch.Tensor:
        """The fields of `Losses`, float32 [3], on the device."""
        squares = errors.square().mean((1, 2))
        penalty = self._kind.penalty * entries.values.sum() / errors.shape[1] + squares.mean() - squares[-1]
        return torch.stack([squares[-1], penalty, torch.zeros_like(penalty) if aux is None else aux.loss])

    def _learn(
        self, rows: torch.Tensor, entries: Entries, pulls: torch.Tensor, *, aux: AuxPart | None, rate: float
    ) -> torch.Tensor:
        """Change the weights; returns which features fired."""
        count, d = rows.shape
        weights, learned = self.weights, self._learned
        slopes = self._kernels.value_slopes(
            entries, pulls, weights.decoder, l1_slope=d * self._kind.penalty / count
        )  # fmt: skip
        layout, rates = by_feature(entries, len(weights.encoder)), Rates.of(rate, self._steps + 1)
        of_bias = pulls[0].sum(0)
        work = Work(entries, layout, slopes, rows, pulls, aux)
        if self._ranks is None:
            self._kernels.learn(work, learned, rates)
        else:
            found = self._kernels.sums(work)
            self._ranks.mean_([*found.tensors(), of_bias])
            self._kernels.update(found, learned, rates)
        adam(weights.decoder_bias, of_bias, learned.moments[3], rates=rates)
        return layout.fired

    def state(self) -> dict[str, torch.Tensor]:
        """What the next step depends on beside the weights: Adam's moments, the steps, the figures under way."""
        moments = dict(zip(_NAMES, self._learned.moments, strict=True))
        readings = {"losses": self._losses.state(), "dead": self._dead.state()}
        return {**moments, **readings, "steps": torch.tensor(self._steps)}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from weights that were changed and a state that `state` gave."""
        for name, moments in zip(_NAMES, self._learned.moments, strict=True):
            moments.copy_(state[name])
        self._losses.restore(state["losses"])
        self._dead.restore(state["dead"])
        self._steps = int(state["steps"])
        self._learned.low.copy_(self.weights.encoder)


def _pulls(errors: torch.Tensor) -> torch.Tensor:
    """Slopes of the loss by the reconstruction, for each nested dictionary's own features: from all that hold them.

    Args:
        errors: float32 [nested, rows, d].
    """
    nested, rows, _ = errors.shape
    later = errors if nested == 1 else errors.flip(0).cumsum(0).flip(0)
    return later * (2 / (nested * rows))
