"""The fast path of training on a CPU: one batch in, changed weights out."""

from collections.abc import Iterator
from typing import Literal

import numba
import numpy as np
import numpy.typing as npt
import torch

from samedream.sae.fused.product import Kind, Product, best_kind
from samedream.sae.fused.screen import Screen, pays
from samedream.sae.fused.select import Selector
from samedream.sae.fused.sums import by_feature, decode_and_slope
from samedream.sae.fused.update import adam, update
from samedream.sae.gradients import AuxGradients, Losses, Parameters, aux_gradients
from samedream.sae.variants.protocol import Variant

Floats = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int32]


_ROWS, _PRE = 256, 2**21  # pre-activations at a time: at least so many rows, else so many numbers (8 MB)
_NAMES = ("encoder", "encoder_bias", "decoder", "decoder_bias")


class FusedEngine:
    """Learns as `samedream.sae.reference.TorchEngine` does, in a fraction of the time.

    Only the encoder's product is dense. What it gives is looked through once; decoding, gradients and Adam touch what
    is active, row by row and then feature by feature, each by one thread: the same bits whatever the number of threads.
    """

    def __init__(
        self, weights: Parameters, kind: Variant, *, aux_k: int, product: Kind | Literal["int8"] | None = None
    ) -> None:
        """Take weights over; they are changed in place.

        Args:
            weights: The dictionary, on the CPU.
            kind: Which activations are kept; its `rule` is not None.
            aux_k: How many dead features reconstruct a row's residual.
            product: How the dense product is computed; by default the fastest of this processor. "int8" screens, and
                what passes is float32.
        """
        assert kind.rule is not None
        self._threads = min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
        self.weights, self._kind, self._aux_k = weights, kind, aux_k
        self._encoder, self._encoder_bias, self._decoder, self._decoder_bias = (
            tensor.numpy() for tensor in weights.tensors()
        )
        self._moments = [np.zeros((2, *tensor.shape), np.float32) for tensor in weights.tensors()]
        self._steps, self._finite = 0, True
        self._nested = np.array(kind.nested, np.int32)
        if product is None:
            product = "int8" if kind.rule == "batch" and pays(kind.k, *self._encoder.shape) else best_kind()
        self._screen = Screen(self._encoder, self._encoder_bias) if product == "int8" else None
        # beside a screen it multiplies nothing and holds nothing
        self._product = Product(self._encoder, self._encoder_bias, "float32" if product == "int8" else product)
        self._select = Selector(kind.rule, kind.k)

    def step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        """Learn from one batch.

        Args:
            rows: Centred and scaled hidden states, float32 [rows, d], contiguous.
            rate: Learning rate.
            dead: Features that have not fired for a while, int64 [dead].

        Returns:
            The losses (infinite where the weights are no numbers any more), and the features that fired, int64 [fired].
        """
        numba.set_num_threads(self._threads)
        losses, fired = self._step(rows, rate, dead)
        torch.set_num_threads(self._threads)  # both use OpenMP, and numba leaves its own number behind
        return losses, fired

    def _step(self, rows: torch.Tensor, rate: float, dead: torch.Tensor) -> tuple[Losses, torch.Tensor]:
        batch: Floats = rows.numpy()
        count, d = batch.shape
        starts, features, values = (
            self._select.screened(self._screen, batch)
            if self._screen is not None
            else self._select(lambda: self._blocks(batch), count)
        )
        # anew each time: memory that was in use a moment ago is near the processor (2 % of a step)
        slopes = np.empty((len(self._nested), count, d), np.float32)
        value_slopes, squares = np.empty_like(values), np.empty((len(self._nested), count), np.float32)
        with numba.parallel_chunksize(64):  # rows
            decode_and_slope(
                batch, starts, features, values, self._decoder, self._decoder_bias, self._nested, slopes,
                value_slopes, np.float32(d * self._kind.penalty), squares,
            )  # fmt: skip
        aux = self._aux(rows, slopes, dead)
        begins = self._update(batch, (starts, features, values, value_slopes), slopes, aux=aux, rate=rate)
        fired = np.flatnonzero(np.diff(begins))
        if not self._finite:
            return Losses(float("inf"), 0.0, 0.0), torch.from_numpy(fired)
        errors = squares.sum(1, dtype=np.float64) / (count * d)
        losses = Losses(
            unexplained=float(errors[-1]),
            penalty=self._kind.penalty * float(values.sum(dtype=np.float64)) / count
            + float(errors.mean() - errors[-1]),
            aux=aux.loss if aux is not None else 0.0,
        )
        return losses, torch.from_numpy(fired)

    def _blocks(self, batch: Floats) -> Iterator[Floats]:
        """Pre-activations, as many rows at a time as stay near the processor; the whole matrix is never held."""
        most = max(_ROWS, _PRE // len(self._encoder))
        size = -(-len(batch) // -(-len(batch) // most))
        for start in range(0, len(batch), size):
            yield self._product(batch[start : start + size])

    def _aux(self, rows: torch.Tensor, slopes: Floats, dead: torch.Tensor) -> AuxGradients | None:
        if not len(dead):
            return None
        # the last slope is the error of the whole dictionary over the number of nested ones
        residual = torch.from_numpy(slopes[-1]) * -float(len(self._nested))
        weights = self.weights
        pre = torch.addmm(weights.encoder_bias[dead], rows, weights.encoder[dead].T)
        return aux_gradients(weights, rows, pre=pre, residual=residual, dead=dead, aux_k=self._aux_k)

    def _update(
        self,
        batch: Floats,
        active: tuple[Counts, Counts, Floats, Floats],
        slopes: Floats,
        *,
        aux: AuxGradients | None,
        rate: float,
    ) -> Counts:
        """Adam on every feature and on the decoder's bias; returns where each feature's entries begin."""
        starts, features, values, value_slopes = active
        width, d = self._encoder.shape
        order, entry_rows = np.empty(len(features), np.int32), np.empty(len(features), np.int32)
        begins = np.empty(width + 1, np.int32)
        by_feature(starts, features, width, order, entry_rows, begins)
        place = np.full(width, -1, np.int32)
        pulls = (np.empty((0, d), np.float32), np.empty(0, np.float32), np.empty((0, d), np.float32))
        if aux is not None:
            place[aux.features.numpy()] = np.arange(len(aux.features))
            encoder, biases, decoder = (t.contiguous().numpy() for t in (aux.encoder, aux.encoder_bias, aux.decoder))
            pulls = (encoder, biases, decoder)
        self._steps += 1
        rates = (np.float32(rate / (1 - 0.9**self._steps)), np.float32(1 / (1 - 0.999**self._steps)))
        norms = np.empty(width, np.float32)
        with numba.parallel_chunksize(4):  # panels of features
            update(
                (begins, order, entry_rows), (values, value_slopes), (batch, slopes), self._nested,
                (self._encoder, self._encoder_bias, self._decoder), tuple(self._moments[:3]), place, pulls, rates,
                self._product.packed, self._product.units, norms,
            )  # fmt: skip
        first, second = self._moments[3]
        adam(self._decoder_bias, slopes[0].sum(0) * np.float32(2 / len(batch)), first, second, rates)
        # a sum that is no number betrays weights that are none, of which nothing would be active any more
        with np.errstate(all="ignore"):  # the trainer says it
            self._finite = bool(np.isfinite(norms.sum() + self._encoder_bias.sum()))
        return begins

    def state(self) -> dict[str, torch.Tensor]:
        """What the next step depends on beside the weights: Adam's moments, the encoder's integers, the steps done."""
        moments = {name: torch.from_numpy(array) for name, array in zip(_NAMES, self._moments, strict=True)}
        packed = {"packed": torch.from_numpy(self._product.packed), "units": torch.from_numpy(self._product.units)}
        return {**moments, **packed, "steps": torch.tensor(self._steps)}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Go on from weights that were changed and a state that `state` gave."""
        for name, array in zip(_NAMES, self._moments, strict=True):
            array[:] = state[name].numpy()
        self._steps = int(state["steps"])
        if state["packed"].shape == self._product.packed.shape:  # another processor may multiply in another way
            self._product.packed[:], self._product.units[:] = state["packed"].numpy(), state["units"].numpy()
        else:
            self._product.repack()
