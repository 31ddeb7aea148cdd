"""Where a dictionary is trained."""

import os

import torch

from samedream.errors import TrainingError
from samedream.sae.variants.protocol import Variant

VARIABLE = "SAMEDREAM_DEVICE"


def training_device(kind: Variant) -> torch.device:
    """The CPU, unless the variable SAMEDREAM_DEVICE asks for "cuda".

    A GPU has to be asked for: the same settings give other bits there.

    Args:
        kind: Variants without a `rule` are trained on the CPU in any case.

    Raises:
        TrainingError: The variable says something else, or there is no GPU.
    """
    wanted = os.environ.get(VARIABLE, "cpu")
    if wanted not in ("cpu", "cuda"):
        raise TrainingError(f'{VARIABLE} is "{wanted}": expected "cpu" or "cuda". Set it to one of them, or unset it')
    if wanted == "cpu" or kind.rule is None:
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise TrainingError(
            f'{VARIABLE} is "cuda" and torch {torch.__version__} finds no CUDA GPU: expected one. Unset it to train on '
            f"the CPU, or install a build of torch for CUDA"
        )
    return torch.device("cuda", torch.cuda.current_device())
