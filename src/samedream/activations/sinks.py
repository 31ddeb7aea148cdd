"""Median norm of a layer over a whole harvest, in bounded memory.

Attention sinks (Xiao et al. 2024, arXiv:2309.17453) carry massive activations (Sun et al. 2024, arXiv:2402.17762): a
few dimensions hundreds of times larger than the rest. Left in, one such dimension holds most of the variance.
"""

import numpy as np
import numpy.typing as npt

_SHIFT = 12  # of a float32's 23 bits of mantissa 11 are kept: the median is right to within 1/2048
_BINS = 1 << (31 - _SHIFT)


class NormHistogram:
    """Counts of norms. The bits of a positive float32 are in the order of its value, so bins need no range."""

    def __init__(self) -> None:
        """Start empty."""
        self.counts = np.zeros(_BINS, np.int64)

    def add(self, norms: npt.NDArray[np.float32]) -> None:
        """Count norms, float32 [rows], finite and ≥ 0."""
        bins = np.ascontiguousarray(norms, np.float32).view(np.uint32) >> np.uint32(_SHIFT)
        self.counts += np.bincount(bins, minlength=_BINS)

    def median(self) -> float:
        """The lower median, to within 1/2048 of itself (the lower edge of its bin); 0 when nothing was counted."""
        total = int(self.counts.sum())
        if total == 0:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self.counts), (total + 1) // 2))
        return float(np.array([place << _SHIFT], np.uint32).view(np.float32)[0])
