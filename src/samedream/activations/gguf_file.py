"""Is a GGUF file whole? A walk through its header, without reading the tensors.

Layout (GGUF v2 and v3, little endian): magic, version, tensor count, key count; the keys; one record per tensor (name,
shape, type, offset); padding to the alignment; the tensors. A download that broke off ends before its last tensor does.
"""

import struct
from pathlib import Path
from typing import BinaryIO

from samedream.errors import CorruptWeightsError, ModelError

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_FIXED = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes of a value, by its type
_STRING, _ARRAY, _UINT32 = 8, 9, 4
_MOST_DIMENSIONS = 8


class _Walk:
    def __init__(self, handle: BinaryIO, size: int) -> None:
        self.handle, self.size = handle, size

    def number(self, kind: str) -> int:
        width = struct.calcsize(kind)
        data = self.handle.read(width)
        if len(data) < width:
            raise EOFError
        return int(struct.unpack(f"<{kind}", data)[0])

    def skip(self, amount: int) -> None:
        if self.handle.tell() + amount > self.size:
            raise EOFError
        self.handle.seek(amount, 1)

    def string(self) -> bytes:
        length = self.number("Q")
        if self.handle.tell() + length > self.size:
            raise EOFError
        return self.handle.read(length)

    def skip_value(self, kind: int) -> None:
        if kind in _FIXED:
            self.skip(_FIXED[kind])
        elif kind == _STRING:
            self.skip(self.number("Q"))
        elif kind == _ARRAY:
            item, length = self.number("I"), self.number("Q")
            if item in _FIXED:
                self.skip(_FIXED[item] * length)
            else:
                for _ in range(length):
                    self.skip_value(item)
        else:
            raise ValueError(f"unknown value type {kind}")

    def keys(self, count: int) -> int:
        """Skip the keys; return the alignment."""
        alignment = 32
        for _ in range(count):
            name, kind = self.string(), self.number("I")
            if name == b"general.alignment" and kind == _UINT32:
                alignment = self.number("I")
            else:
                self.skip_value(kind)
        return alignment

    def tensor(self) -> tuple[int, int]:
        """Read one tensor's record; return its elements and where its data ends, counted from the first tensor."""
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        self.string()
        dimensions = self.number("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        elements = 1
        for _ in range(dimensions):
            elements *= self.number("Q")
        block, width = GGML_QUANT_SIZES[GGMLQuantizationType(self.number("I"))]
        return elements, self.number("Q") + elements // block * width


def _extent(walk: _Walk) -> tuple[int, int]:
    """Elements of all tensors, and the byte at which the last one ends."""
    tensors, keys = walk.number("Q"), walk.number("Q")
    alignment = walk.keys(keys)
    if alignment == 0:
        raise ValueError("alignment 0")
    records = [walk.tensor() for _ in range(tensors)]
    if not records:
        raise ValueError("no tensors in it")
    start = -(-walk.handle.tell() // alignment) * alignment
    return sum(elements for elements, _ in records), start + max(end for _, end in records)


def check_gguf(path: Path) -> int:
    """Check that a GGUF file is what it says and is all there.

    Returns:
        The number of its parameters.

    Raises:
        CorruptWeightsError: It is no GGUF file, its header is damaged, or it ends before its last tensor.
        ModelError: A GGUF version that is not read.
    """
    size = path.stat().st_size
    again = "get the file again"
    with path.open("rb") as handle:
        magic = handle.read(4)
        if magic != MAGIC:
            raise CorruptWeightsError(
                f"{path} is not a GGUF file: it begins with {magic!r}, expected {MAGIC!r}; {again}"
            )
        walk = _Walk(handle, size)
        try:
            version = walk.number("I")
            if version not in _VERSIONS:
                raise ModelError(f"{path} is GGUF version {version}; versions 2 and 3 (little endian) are read")
            parameters, end = _extent(walk)
        except EOFError:
            raise CorruptWeightsError(f"{path} is truncated: its {size} bytes end within the header; {again}") from None
        except (ValueError, RecursionError, MemoryError) as error:
            raise CorruptWeightsError(f"{path} is damaged: its header cannot be read ({error}); {again}") from None
    if end > size:
        raise CorruptWeightsError(f"{path} is truncated: its tensors end at byte {end}, the file has {size}; {again}")
    return parameters
