"""The sparse work of a GPU step in torch operations: for machines without Triton, and the measure of `kernels`.

Sums of rows are `embedding_bag`; the slopes of activations are taken some entries at a time, so that no [rows * k, d]
is ever held.
"""

import torch
from torch.nn.functional import embedding_bag

from samedream.sae.gpu.choice import Entries
from samedream.sae.gpu.state import Gradients, Learned, Rates, Work
from samedream.sae.gradients import Parameters

_CHUNK = 65_536  # entries


class PlainKernels:
    """Torch operations only; `samedream.sae.gpu.kernels.TritonKernels` has the same methods."""

    def decode(self, entries: Entries, weights: Parameters, rows: torch.Tensor) -> torch.Tensor:
        """Errors of the nested dictionaries, each the last one's plus what its own features add.

        Args:
            entries: What is active.
            weights: The dictionary.
            rows: Centred and scaled hidden states, float32 [rows, d].

        Returns:
            float32 [nested, rows, d].
        """
        places = torch.arange(len(entries.values), device=rows.device, dtype=torch.int32)
        error, found = weights.decoder_bias - rows, []
        for start, end in zip(entries.bounds.T[:-1], entries.bounds.T[1:], strict=True):
            row = entries.rows
            inside = (places >= start[row]) & (places < end[row])
            error = error + embedding_bag(
                entries.features, weights.decoder, entries.bounds[:, 0].contiguous(), mode="sum",
                per_sample_weights=torch.where(inside, entries.values, 0.0),
            )  # fmt: skip
            found.append(error)
        return torch.stack(found)

    def value_slopes(
        self, entries: Entries, pulls: torch.Tensor, decoder: torch.Tensor, *, l1_slope: float
    ) -> torch.Tensor:
        """Slopes of the loss by the activations.

        Args:
            entries: What is active.
            pulls: Slopes by the reconstruction of each nested dictionary's own features, float32 [nested, rows, d].
            decoder: float32 [features, d].
            l1_slope: Of the L1 penalty.

        Returns:
            float32 [n]; 0 where the activation is 0.
        """
        flat, places = pulls.view(-1, pulls.shape[2]), _pull_places(entries)
        found = torch.empty_like(entries.values)
        for part in range(0, len(found), _CHUNK):
            chosen = slice(part, part + _CHUNK)
            torch.linalg.vecdot(flat[places[chosen]], decoder[entries.features[chosen]], out=found[chosen])
        return found.add_(l1_slope).mul_(entries.values > 0)

    def sums(self, work: Work) -> Gradients:
        """Gradients of every feature, from its own entries."""
        entries, begins, order = work.entries, work.layout.begins, work.layout.order
        width = len(begins) - 1
        pulled = _pull_places(entries)[order]
        slopes, values, of_rows = work.slopes[order], entries.values[order], entries.rows[order]
        flat = work.pulls.view(-1, work.pulls.shape[2])
        # one bag more than features: it takes the entries of value 0, which come last
        encoder, decoder, biases = (
            embedding_bag(index, vectors, begins, mode="sum", per_sample_weights=weight)[:width]
            for index, vectors, weight in (
                (of_rows, work.rows, slopes),
                (pulled, flat, values),
                (torch.zeros_like(of_rows), torch.ones_like(flat[:1, :1]), slopes),
            )
        )
        found = Gradients(encoder.contiguous(), biases.squeeze(1).contiguous(), decoder.contiguous())
        if work.aux is not None:
            for sums, more in zip(found.tensors(), work.aux.gradients.tensors(), strict=True):
                added = torch.cat([more, torch.zeros_like(more[:1])])[work.aux.place]  # place -1 is the row of zeros
                sums.add_(added)
        return found

    def update(self, found: Gradients, learned: Learned, rates: Rates) -> None:
        """Projection, Adam and unit norm of all features; the decoder's gradient is changed in place."""
        weights = learned.weights
        along = torch.linalg.vecdot(found.decoder, weights.decoder).unsqueeze_(1)
        found.decoder.addcmul_(along, weights.decoder, value=-1)
        for weight, gradient, moments in zip(
            (weights.encoder, weights.encoder_bias, weights.decoder), found.tensors(), learned.moments, strict=False
        ):
            adam(weight, gradient, moments, rates=rates)
        weights.decoder.div_(torch.linalg.vector_norm(weights.decoder, dim=1, keepdim=True))
        if learned.low is not weights.encoder:
            learned.low.copy_(weights.encoder)

    def learn(self, work: Work, learned: Learned, rates: Rates) -> None:
        """`sums`, then `update`."""
        self.update(self.sums(work), learned, rates)


def adam(weight: torch.Tensor, gradient: torch.Tensor, moments: torch.Tensor, *, rates: Rates) -> None:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980) on one tensor.

    Args:
        weight: float32, changed in place.
        gradient: float32, of the same shape.
        moments: float32 [2, ...], changed in place.
        rates: Of this step.
    """
    first, second = moments
    first.lerp_(gradient, 0.1)
    second.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    weight.addcdiv_(first, (second * rates.correction).sqrt_().add_(1e-8), value=-rates.corrected)


def _pull_places(entries: Entries) -> torch.Tensor:
    """Row of each entry's pull in `pulls` seen as [nested * rows, d], int32 [n]."""
    places = torch.arange(len(entries.values), device=entries.values.device, dtype=torch.int32)
    ends = entries.bounds[:, 1:-1][entries.rows]  # where the nested dictionaries but the last one end
    group = (places[:, None] >= ends).sum(1, dtype=torch.int32)
    return group * len(entries.bounds) + entries.rows
