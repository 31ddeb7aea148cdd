"""Where to compute, and in which numbers."""

from collections.abc import Mapping
from typing import Any, Literal

import torch

_FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # x86, x86, ARM, ARM


def device() -> torch.device:
    """The GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def multiplies_bfloat16(capabilities: Mapping[str, Any]) -> bool:
    """Whether a CPU has instructions that multiply bfloat16 matrices; without them it is 100 times slower than float32.

    Args:
        capabilities: Of `torch.cpu.get_capabilities()`.
    """
    return any(bool(capabilities.get(name)) for name in _FAST_BFLOAT16)


def _cpu_capabilities() -> Mapping[str, Any]:
    if hasattr(torch.cpu, "get_capabilities"):
        found: Mapping[str, Any] = torch.cpu.get_capabilities()
        return found
    return {
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "amx_bf16": torch.cpu._is_amx_tile_supported(),
        "avx512_vnni": torch.cpu._is_vnni_supported(),
    }


def multiplies_and_adds() -> bool:
    """Whether an x86 CPU adds the products of 16-bit integers to a sum in one instruction (AVX512 VNNI)."""
    return bool(_cpu_capabilities().get("avx512_vnni"))


def compute_dtype(wanted: Literal["auto", "float32", "bfloat16"], where: torch.device) -> torch.dtype:
    """The dtype to compute in; "auto" is bfloat16 where the device really has it."""
    if wanted == "auto":
        if where.type == "cuda":
            fast = torch.cuda.is_bf16_supported(including_emulation=False)
        else:
            fast = multiplies_bfloat16(_cpu_capabilities())
        return torch.bfloat16 if fast else torch.float32
    return torch.float32 if wanted == "float32" else torch.bfloat16
