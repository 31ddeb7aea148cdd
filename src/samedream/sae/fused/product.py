"""The encoder's product: the one dense product of a step.

16-bit integers with AVX512 VNNI, and with AVX2 where there is no AVX512: `vpdpwssd` does as many products per
instruction as bf16, `vpmaddwd` twice as many as a float32 multiply-add. Rows are scaled to a norm of 32,000 and
features to 16,000, so the sums cannot leave 32 bits (Cauchy-Schwarz: 5.2e8 < 2^31), and the result is closer to
float32's than bf16's is. Else bf16 where the processor multiplies it, else float32.
"""

from typing import Any, Literal

import numba
import numpy as np
import numpy.typing as npt
import torch

from samedream.activations.processor import compute_dtype
from samedream.sae.fused.kernel import kernel, parallel_kernel
from samedream.sae.fused.vectors import FEATURES, ROWS, UNROLLED, WIDE, product_tile

Kind = Literal["int16", "bfloat16", "float32"]
Floats = npt.NDArray[np.float32]
_ROW_NORM, FEATURE_NORM = np.float32(32_000), np.float32(16_000)
_SHARE = 5  # row panels that use a feature panel while it is in the cache
_APART = 16  # numbers between rows of the result: rows a power of two apart would share the same few cache lines
_TINY = np.float32(1e-30)


def best_kind() -> Kind:
    """The fastest product of this processor that is close enough to float32's."""
    if WIDE:
        return "int16"
    if compute_dtype("auto", torch.device("cpu")) == torch.bfloat16:
        return "bfloat16"
    return "int16" if torch.backends.cpu.get_cpu_capability() == "AVX2" else "float32"


@kernel
def pack(vector: Floats, norm: float, panel: npt.NDArray[np.int16], lane: int) -> Any:
    """Write a row of the batch, or of the encoder, into its place of a panel, as integers.

    Args:
        vector: float32 [d].
        norm: That of the integers.
        panel: int16 [pairs, lanes, 2], at least d / 2 pairs.
        lane: Its place.

    Returns:
        What one unit of the integers is worth.
    """
    squares = np.float32(0)
    for j in range(len(vector)):
        squares += vector[j] * vector[j]
    factor = norm / max(np.sqrt(squares), _TINY)
    rounded = np.zeros(2 * len(panel), np.int16)  # in order first: the panel's places lie too far apart for vectors
    for j in range(len(vector)):
        rounded[j] = np.int16(np.rint(vector[j] * factor))
    for pair in range(len(panel)):
        panel[pair, lane, 0] = rounded[2 * pair]
        panel[pair, lane, 1] = rounded[2 * pair + 1]
    return np.float32(1) / factor


@parallel_kernel
def _pack_features(encoder: Floats, packed: npt.NDArray[np.int16], units: Floats) -> None:
    for f in numba.prange(len(encoder)):
        units[f] = pack(encoder[f], FEATURE_NORM, packed[f // FEATURES], f % FEATURES)


@parallel_kernel
def _pack_rows(rows: Floats, packed: npt.NDArray[np.int16], units: Floats) -> None:
    for panel in numba.prange(len(packed)):
        for row in range(panel * ROWS, min((panel + 1) * ROWS, len(rows))):
            units[row] = pack(rows[row], _ROW_NORM, packed[panel], row - panel * ROWS)


@parallel_kernel
def _multiply(
    rows: npt.NDArray[np.int16], row_units: Floats, features: npt.NDArray[np.int16], feature_units: Floats,
    biases: Floats, out: Floats,
) -> None:  # fmt: skip
    panels, pairs, width = len(rows), rows.shape[1], out.shape[1]
    groups = 2 * ((panels + 2 * _SHARE - 1) // (2 * _SHARE))  # an even number: as much work for either of two threads
    for group in numba.prange(groups):
        for q in range(len(features)):
            for p in range(group * panels // groups, (group + 1) * panels // groups):
                product_tile(
                    rows, p * pairs * ROWS * 2, features, q * pairs * FEATURES * 2, pairs,
                    out, p * ROWS * width + q * FEATURES, width,
                    row_units, p * ROWS, feature_units, biases, q * FEATURES,
                )  # fmt: skip


class Product:
    """Pre-activations of batches of one size: rows times encoder, plus biases.

    Attributes:
        kind: How it is computed.
        packed: int16 [panels, pairs of columns, FEATURES, 2], the encoder as integers; who changes the encoder
            repacks it.
        units: float32 [padded features], what one unit of a feature's integers is worth.
    """

    def __init__(self, encoder: Floats, biases: Floats, kind: Kind) -> None:
        """Hold on to the weights, float32 [features, d] and [features]; changes to them are seen (see `packed`)."""
        self.kind, self._encoder, self._biases = kind, encoder, biases
        features, d = encoder.shape
        panels = -(-features // FEATURES) if kind == "int16" else 0
        pairs = -(-d // (2 * UNROLLED)) * UNROLLED
        self.packed = np.zeros((panels, pairs, FEATURES, 2), np.int16)
        self.units = np.zeros(max(panels * FEATURES, features), np.float32)
        self._padded_biases = np.zeros(panels * FEATURES, np.float32)
        self._rows = np.zeros((0, pairs, ROWS, 2), np.int16)
        self._row_units = np.zeros(0, np.float32)
        self._out = np.zeros((0, 0), np.float32)
        self.repack()

    def repack(self) -> None:
        """Take the encoder as it is now."""
        if self.kind == "int16":
            _pack_features(self._encoder, self.packed, self.units)

    def __call__(self, rows: Floats) -> Floats:
        """Pre-activations.

        Args:
            rows: float32 [rows, d].

        Returns:
            float32 [rows, features], valid until the next call; rows may lie further apart than they are long.
        """
        if self.kind == "int16":
            return self._integers(rows)
        dtype = torch.bfloat16 if self.kind == "bfloat16" else torch.float32
        given, encoder, bias = (torch.from_numpy(array).to(dtype) for array in (rows, self._encoder, self._biases))
        found: Floats = torch.addmm(bias, given, encoder.T).float().numpy()
        return found

    def _integers(self, rows: Floats) -> Floats:
        panels = -(-len(rows) // ROWS)
        if len(self._rows) < panels:
            self._rows = np.zeros((panels, *self._rows.shape[1:]), np.int16)
            self._row_units = np.zeros(panels * ROWS, np.float32)
            self._out = np.empty((panels * ROWS, len(self.units) + _APART), np.float32)
        self._padded_biases[: len(self._biases)] = self._biases
        packed, out = self._rows[:panels], self._out[: panels * ROWS]
        _pack_rows(rows, packed, self._row_units)
        with numba.parallel_chunksize(
            1
        ):  # a thread takes the next piece when it is done: cores are seldom equally fast
            _multiply(packed, self._row_units, self.packed, self.units, self._padded_biases, out)
        return out[: len(rows), : len(self._biases)]
