"""Bytes of a file → lines: decompression and splitting, in bounded memory, with damage counted and never fatal."""

import lzma
import sys
from bz2 import BZ2Decompressor
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from isal import igzip_lib

from samedream.corpus.articles import Tally

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 64 << 20
# The widest window a .zst may ask for: `zstd --long=31`, as large dumps are often packed.
_ZSTD_OPTIONS: dict[int, int] = {int(zstd.DecompressionParameter.window_log_max): 31}

DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    ".gz": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    ".xz": lzma.LZMADecompressor,
    ".zst": lambda: zstd.ZstdDecompressor(options=_ZSTD_OPTIONS),
    ".bz2": BZ2Decompressor,
}
_BROKEN: tuple[type[Exception], ...] = (
    EOFError,
    OSError,
    ValueError,
    lzma.LZMAError,
    cast(type[Exception], igzip_lib.IsalError),  # its stub declares an instance
    zstd.ZstdError,
)


class DamagedStreamError(Exception):
    """Compressed data that ends early or does not decode; always caught in this room and counted."""


def file_chunks(path: Path, tally: Tally) -> Iterator[bytes]:
    """The bytes of a file as they lie on disk."""
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK_BYTES):
            tally.read_bytes(len(chunk))
            yield chunk


def inflate(chunks: Iterable[bytes], new_decompressor: Callable[[], Any], *, many: bool = True) -> Iterator[bytes]:
    """Decompress a stream, at most CHUNK_BYTES at a time, so that a small file that inflates to much stays harmless.

    Args:
        chunks: Compressed bytes.
        new_decompressor: Makes an object with `decompress(data, max_length)`, `eof`, `needs_input`, `unused_data`.
        many: Whether several compressed streams may follow one another (as in .gz, .xz, .zst).

    Raises:
        DamagedStreamError: The data ends early or cannot be decoded. What came before has been yielded.
    """
    unpacker = new_decompressor()
    started = False
    for chunk in chunks:
        data = chunk
        while data or (started and not unpacker.eof and not unpacker.needs_input):
            if unpacker.eof:
                data = data.lstrip(b"\0")  # tapes and some tools pad with zeros
                if not data or not many:
                    break
                unpacker, started = new_decompressor(), False
            try:
                out = unpacker.decompress(data, CHUNK_BYTES)
            except _BROKEN as error:
                raise DamagedStreamError(str(error)) from error
            started = True
            data = unpacker.unused_data if unpacker.eof else b""
            if out:
                yield out
    if not unpacker.eof:
        raise DamagedStreamError("the compressed data ends early")


def lines(chunks: Iterable[bytes], tally: Tally) -> Iterator[bytes]:
    """Split bytes at newlines. A line over MAX_LINE_BYTES is counted and skipped without being held.

    The piece of a line at which a damaged stream breaks off is not handed on.
    """
    held: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            first, *rest = chunk.split(b"\n")
            size += len(first)
            if size <= MAX_LINE_BYTES:
                held.append(first)
            else:
                held = []
            if not rest:
                continue
            yield from _whole(held, size, tally)
            yield from rest[:-1]  # whole lines inside one chunk cannot be over the limit
            held, size = [rest[-1]], len(rest[-1])
    except DamagedStreamError:
        tally.quarantined["compressed files that are damaged or end early"] += 1
        return
    except OSError:
        tally.quarantined["files that cannot be read"] += 1
        return
    yield from _whole(held, size, tally)


def _whole(held: list[bytes], size: int, tally: Tally) -> Iterator[bytes]:
    if size > MAX_LINE_BYTES:
        tally.quarantined[f"lines over {MAX_LINE_BYTES >> 20} MB"] += 1
    else:
        yield b"".join(held)
