"""The GPU's path on the CPU: Triton's kernels run in its interpreter."""

import os
from importlib.util import find_spec

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported


@pytest.fixture
def triton_kernels():
    """Makes the kernels for nested dictionaries that end at the given features."""
    if find_spec("triton") is None:
        pytest.skip("Triton is not installed (it comes with torch for CUDA, or as a package, on Linux)")
    if torch.cuda.is_available():
        pytest.skip("with a GPU the kernels are compiled and do not run on the CPU: see test_cuda.py")
    from samedream.sae.gpu.kernels import TritonKernels

    return lambda nested: TritonKernels(nested, torch.device("cpu"))
