"""The kinds of dictionary. A new kind is one file with one class, and one line in `variant`."""

from samedream.sae.config import SAEConfig
from samedream.sae.variants.batchtopk import BatchTopK
from samedream.sae.variants.frozen import Frozen
from samedream.sae.variants.jumprelu import JumpReLU
from samedream.sae.variants.l1 import L1
from samedream.sae.variants.l1_topk import L1TopK
from samedream.sae.variants.matryoshka import Matryoshka, ends
from samedream.sae.variants.protocol import Variant
from samedream.sae.variants.topk import TopK


def variant(config: SAEConfig, width: int) -> Variant:
    """The variant of the settings.

    Args:
        config: Settings.
        width: Number of features.
    """
    k, whole = config.k, (width,)
    found: dict[str, Variant] = {
        "batchtopk": BatchTopK(k, whole),
        "topk": TopK(k, whole),
        "l1_topk": L1TopK(k, whole, config.penalty()),
        "l1": L1(k, whole, config.penalty()),
        "matryoshka": Matryoshka(k, ends(config.nested_shares(), width)),
        "jumprelu": JumpReLU(k, whole),
        "frozen": Frozen(k, whole),
    }
    return found[config.variant]
