"""The kinds of dictionary. A new kind is one file with one class, and one line here."""

from samedream.sae.batchtopk import BatchTopK
from samedream.sae.l1_topk import L1TopK
from samedream.sae.topk import TopK
from samedream.sae.variant import Variant


def variant(name: str, k: int, penalty: float) -> Variant:
    """The variant of that name.

    Args:
        name: As in the settings.
        k: Features per row (on average, for batchtopk).
        penalty: L1 weight, for l1_topk.
    """
    if name == "batchtopk":
        return BatchTopK(k)
    if name == "topk":
        return TopK(k)
    return L1TopK(k, penalty)
