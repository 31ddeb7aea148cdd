"""The Triton kernels compile for a GPU: that needs none, and the interpreter forgives what the compiler does not."""

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

CODE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from samedream.sae.gpu import kernels

INTEGERS = "features bounds schedule begins order entry_rows groups aux_place".split()
NUMBERS = {"count": "i32", "d": "i32", "width": "i32", "l1_slope": "fp32", "corrected": "fp32", "correction": "fp32"}
TYPES = {**dict.fromkeys(INTEGERS, "*i32"), **NUMBERS, "low": "*bf16"}

def compiled(kernel, **constants):
    constants |= {"BLOCK": 64, "ENTRIES": 4}
    types = {name: "constexpr" if name in constants else TYPES.get(name, "*fp32") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=types, constexprs=constants)
    options = {"num_warps": 4, "enable_fp_fusion": True}
    return len(triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["cubin"])

for groups in (1, 5):
    print(compiled(kernels._decode, GROUPS=groups), compiled(kernels._value_slopes, GROUPS=groups))
print(compiled(kernels._features, GATHER=True, UPDATE=True, AUX=True, LOW=True))
print(compiled(kernels._features, GATHER=True, UPDATE=False, AUX=False, LOW=False))
print(compiled(kernels._features, GATHER=False, UPDATE=True, AUX=False, LOW=True))
"""


@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_all_kernels_compile_for_a_gpu_of_compute_capability_9(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    found = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True, text=True, check=False, env={**environment, "TRITON_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.split()) == 7 and all(int(size) > 1000 for size in found.stdout.split())
