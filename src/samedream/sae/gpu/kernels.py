"""Triton kernels (Tillet et al. 2019, doi:10.1145/3315508.3329973) for the sparse work of a step.

One program per row decodes it; one per feature gathers what its entries say, adds AuxK's part, projects, and takes
Adam's step, so that each row of weights is read and written once. Every output has one writer and a fixed order of
additions: no atomics. `samedream.sae.gpu.plain` says the same in torch.

Triton comes with torch for CUDA on Linux. It is imported by name: elsewhere there may be none.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from samedream.sae.gpu.choice import Entries
from samedream.sae.gpu.state import Gradients, Learned, Rates, Work
from samedream.sae.gradients import Parameters

triton: Any = import_module("triton")
tl: Any = import_module("triton.language")
if TYPE_CHECKING:
    constexpr: TypeAlias = Any
    tensor: TypeAlias = Any
else:  # Triton reads its kernels' text, annotations too: it has to find its own types there
    constexpr, tensor = tl.constexpr, tl.tensor
_ENTRIES = 4  # rows of a matrix that a program asks for at a time: enough of them hide the memory's latency


def _kernel(function: Callable[..., Any]) -> Any:
    return triton.jit(function)


@_kernel
def _decode(  # noqa: PLR0917 - kernels are given arrays
    features: tensor, values: tensor, bounds: tensor, decoder: tensor, bias: tensor, rows: tensor, errors: tensor,
    count: tensor, d: tensor, GROUPS: constexpr, BLOCK: constexpr, ENTRIES: constexpr,
) -> None:  # fmt: skip
    """Errors of one row, one for each nested dictionary."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < d
    error = tl.load(bias + columns, mask=inside, other=0.0) - tl.load(rows + row * d + columns, mask=inside, other=0.0)
    for group in range(GROUPS):
        start = tl.load(bounds + row * (GROUPS + 1) + group)
        end = tl.load(bounds + row * (GROUPS + 1) + group + 1)
        for first in range(start, end, ENTRIES):
            entry = first + tl.arange(0, ENTRIES)
            there = entry < end
            feature = tl.load(features + entry, mask=there, other=0).to(tl.int64)
            value = tl.load(values + entry, mask=there, other=0.0)
            mask = there[:, None] & inside[None, :]
            tile = tl.load(decoder + feature[:, None] * d + columns[None, :], mask=mask, other=0.0)
            error += tl.sum(tile * value[:, None], axis=0)
        tl.store(errors + (row + group * count) * d + columns, error, mask=inside)


@_kernel
def _value_slopes(  # noqa: PLR0917 - kernels are given arrays
    features: tensor, values: tensor, bounds: tensor, decoder: tensor, pulls: tensor, slopes: tensor, l1_slope:
    tensor, count: tensor, d: tensor, GROUPS: constexpr, BLOCK: constexpr, ENTRIES: constexpr,
) -> None:  # fmt: skip
    """Slopes by the activations of one row."""
    row = tl.program_id(0).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < d
    for group in range(GROUPS):
        start = tl.load(bounds + row * (GROUPS + 1) + group)
        end = tl.load(bounds + row * (GROUPS + 1) + group + 1)
        pull = tl.load(pulls + (row + group * count) * d + columns, mask=inside, other=0.0)
        for first in range(start, end, ENTRIES):
            entry = first + tl.arange(0, ENTRIES)
            there = entry < end
            feature = tl.load(features + entry, mask=there, other=0).to(tl.int64)
            value = tl.load(values + entry, mask=there, other=0.0)
            mask = there[:, None] & inside[None, :]
            tile = tl.load(decoder + feature[:, None] * d + columns[None, :], mask=mask, other=0.0)
            product = tl.sum(tile * pull[None, :], axis=1) + l1_slope
            tl.store(slopes + entry, tl.where(value > 0, product, 0.0), mask=there)


@_kernel
def _adam(  # noqa: PLR0917 - kernels are given arrays
    weights: tensor, gradient: tensor, moments: tensor, second: tensor, place: tensor, mask: tensor, corrected:
    tensor, correction: tensor
) -> tensor:  # fmt: skip
    """Adam on one row or one number; returns the new weights. `second`: how far the squares' means are behind."""
    first = tl.load(moments + place, mask=mask, other=0.0) * 0.9 + gradient * 0.1
    squares = tl.load(moments + second + place, mask=mask, other=0.0) * 0.999 + gradient * gradient * 0.001
    tl.store(moments + place, first, mask=mask)
    tl.store(moments + second + place, squares, mask=mask)
    return tl.load(weights + place, mask=mask, other=0.0) - corrected * first / (tl.sqrt(squares * correction) + 1e-8)


@_kernel
def _gathered(  # noqa: PLR0917 - kernels are given arrays
    start: tensor, end: tensor, order: tensor, entry_rows: tensor, values: tensor, slopes: tensor, rows: tensor,
    pulls: tensor, columns: tensor, inside: tensor, d: tensor, BLOCK: constexpr, ENTRIES: constexpr,
) -> tensor:  # fmt: skip
    """Gradients of one feature; `pulls` begins at those of its own nested dictionary."""
    encoder = tl.zeros([BLOCK], dtype=tl.float32)
    decoder = tl.zeros([BLOCK], dtype=tl.float32)
    biases = tl.zeros([ENTRIES], dtype=tl.float32)
    for first in range(start, end, ENTRIES):
        there = first + tl.arange(0, ENTRIES) < end
        entry = tl.load(order + first + tl.arange(0, ENTRIES), mask=there, other=0)
        row = tl.load(entry_rows + entry, mask=there, other=0).to(tl.int64)
        slope = tl.load(slopes + entry, mask=there, other=0.0)
        value = tl.load(values + entry, mask=there, other=0.0)
        mask = there[:, None] & inside[None, :]
        places = row[:, None] * d + columns[None, :]
        encoder += tl.sum(tl.load(rows + places, mask=mask, other=0.0) * slope[:, None], axis=0)
        decoder += tl.sum(tl.load(pulls + places, mask=mask, other=0.0) * value[:, None], axis=0)
        biases += slope
    return encoder, tl.sum(biases, axis=0), decoder


@_kernel
def _features(  # noqa: PLR0917 - kernels are given arrays
    schedule: tensor, begins: tensor, order: tensor, entry_rows: tensor, values: tensor, slopes: tensor, rows:
    tensor, pulls: tensor, groups: tensor, aux_place: tensor, aux_encoder: tensor, aux_bias: tensor, aux_decoder:
    tensor, sum_encoder: tensor, sum_bias: tensor, sum_decoder: tensor, encoder: tensor, low: tensor, bias: tensor,
    decoder: tensor, m_encoder: tensor, m_bias: tensor, m_decoder: tensor, corrected: tensor, correction: tensor,
    count: tensor, width: tensor, d: tensor, GATHER: constexpr, UPDATE: constexpr, AUX: constexpr, LOW: constexpr,
    BLOCK: constexpr, ENTRIES: constexpr,
) -> None:  # fmt: skip
    """One feature. GATHER: its gradients from its entries, else from the sums; UPDATE: learn, else write the sums."""
    feature = tl.load(schedule + tl.program_id(0)).to(tl.int64)
    columns = tl.arange(0, BLOCK)
    inside = columns < d
    place = feature * d + columns
    if GATHER:
        own = pulls + tl.load(groups + feature).to(tl.int64) * count * d
        to_encoder, to_bias, to_decoder = _gathered(
            tl.load(begins + feature), tl.load(begins + feature + 1), order, entry_rows, values, slopes, rows,
            own, columns, inside, d, BLOCK, ENTRIES,
        )  # fmt: skip
        if AUX:
            row = tl.load(aux_place + feature).to(tl.int64)
            mask = tl.where(inside, row, -1) >= 0
            to_encoder += tl.load(aux_encoder + row * d + columns, mask=mask, other=0.0)
            to_decoder += tl.load(aux_decoder + row * d + columns, mask=mask, other=0.0)
            to_bias += tl.load(aux_bias + row, mask=row >= 0, other=0.0)
    else:
        to_encoder = tl.load(sum_encoder + place, mask=inside, other=0.0)
        to_bias = tl.load(sum_bias + feature)
        to_decoder = tl.load(sum_decoder + place, mask=inside, other=0.0)
    if UPDATE:
        direction = tl.load(decoder + place, mask=inside, other=0.0)
        to_decoder -= tl.sum(to_decoder * direction, axis=0) * direction
        changed = _adam(encoder, to_encoder, m_encoder, width.to(tl.int64) * d, place, inside, corrected, correction)
        tl.store(encoder + place, changed, mask=inside)
        if LOW:
            tl.store(low + place, changed.to(low.dtype.element_ty), mask=inside)
        one = _adam(bias, to_bias, m_bias, width, feature, feature >= 0, corrected, correction)
        tl.store(bias + feature, one)
        turned = _adam(decoder, to_decoder, m_decoder, width.to(tl.int64) * d, place, inside, corrected, correction)
        tl.store(decoder + place, turned / tl.sqrt(tl.sum(turned * turned, axis=0)), mask=inside)
    else:
        tl.store(sum_encoder + place, to_encoder, mask=inside)
        tl.store(sum_bias + feature, to_bias)
        tl.store(sum_decoder + place, to_decoder, mask=inside)


class TritonKernels:
    """The methods of `samedream.sae.gpu.plain.PlainKernels`, where they are described."""

    def __init__(self, nested: tuple[int, ...], device: torch.device) -> None:
        """Note which features belong to which nested dictionary.

        Args:
            nested: Where nested dictionaries end.
            device: Of the weights.
        """
        numbers = torch.arange(nested[-1], device=device)
        self._groups = torch.bucketize(numbers, torch.tensor(nested, device=device), right=True, out_int32=True)

    def decode(self, entries: Entries, weights: Parameters, rows: torch.Tensor) -> torch.Tensor:
        """Errors of the nested dictionaries, float32 [nested, rows, d]."""
        groups = entries.bounds.shape[1] - 1
        errors = rows.new_empty((groups, *rows.shape))
        _decode[(len(rows),)](
            entries.features, entries.values, entries.bounds, weights.decoder, weights.decoder_bias, rows, errors,
            *rows.shape, GROUPS=groups, **_sizes(rows.shape[1]),
        )  # fmt: skip
        return errors

    def value_slopes(
        self, entries: Entries, pulls: torch.Tensor, decoder: torch.Tensor, *, l1_slope: float
    ) -> torch.Tensor:
        """Slopes of the loss by the activations, float32 [n]."""
        groups, count, d = pulls.shape
        slopes = torch.empty_like(entries.values)
        _value_slopes[(count,)](
            entries.features, entries.values, entries.bounds, decoder, pulls, slopes, l1_slope, count, d,
            GROUPS=groups, **_sizes(d),
        )  # fmt: skip
        return slopes

    def sums(self, work: Work) -> Gradients:
        """Gradients of every feature."""
        rows, width = work.rows, len(self._groups)
        d = rows.shape[1]
        found = Gradients(rows.new_empty(width, d), rows.new_empty(width), rows.new_empty(width, d))
        self._run(d, work=work, found=found)
        return found

    def update(self, found: Gradients, learned: Learned, rates: Rates) -> None:
        """Projection, Adam and unit norm of all features."""
        self._run(found.encoder.shape[1], found=found, learned=learned, rates=rates)

    def learn(self, work: Work, learned: Learned, rates: Rates) -> None:
        """`sums` and `update` in one pass: gradients never leave the program."""
        self._run(work.rows.shape[1], work=work, learned=learned, rates=rates)

    def _run(
        self,
        d: int,
        *,
        work: Work | None = None,
        found: Gradients | None = None,
        learned: Learned | None = None,
        rates: Rates | None = None,
    ) -> None:
        """Launch `_features`; what a variant of it does not read is given as the groups, of which it reads nothing."""
        none = self._groups
        width = len(none)
        aux = None if work is None else work.aux
        gathered = [none] * 7 if work is None else [
            work.layout.begins, work.layout.order, work.entries.rows, work.entries.values, work.slopes, work.rows,
            work.pulls,
        ]  # fmt: skip
        schedule = torch.arange(width, device=none.device, dtype=torch.int32) if work is None else work.layout.schedule
        added = [none] * 4 if aux is None else [aux.place, *aux.gradients.tensors()]
        sums = [none] * 3 if found is None else found.tensors()
        state = [none] * 7 if learned is None else [
            learned.weights.encoder, learned.low, learned.weights.encoder_bias, learned.weights.decoder,
            *learned.moments[:3],
        ]  # fmt: skip
        _features[(width,)](
            schedule, *gathered, self._groups, *added, *sums, *state,
            rates.corrected if rates else 0.0, rates.correction if rates else 0.0,
            0 if work is None else len(work.rows), width, d, GATHER=work is not None, UPDATE=learned is not None,
            AUX=aux is not None, LOW=learned is not None and learned.low is not learned.weights.encoder, **_sizes(d),
        )  # fmt: skip


def _sizes(d: int) -> dict[str, int]:
    """Tile and warps for rows of `d`; Triton 3.9 wants to be told that a product and a sum may be one instruction."""
    block = triton.next_power_of_2(d)
    warps = 8 if block >= 2048 else 4
    return {"BLOCK": block, "ENTRIES": _ENTRIES, "num_warps": warps, "enable_fp_fusion": True}
