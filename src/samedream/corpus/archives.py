"""Zip archives read in place: nothing is extracted. Zip64 works; macOS' shadow files are skipped by `files`."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from isal import igzip_lib

from samedream.corpus.articles import Tally
from samedream.corpus.streams import CHUNK_BYTES, DamagedStreamError, inflate

_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1


def zip_members(path: Path) -> list[ZipInfo]:
    """The files in a zip, in the order of their names.

    Raises:
        DamagedStreamError: It is no zip, or its end, where the directory is, is missing.
    """
    try:
        with ZipFile(path) as archive:
            return sorted((info for info in archive.infolist() if not info.is_dir()), key=lambda info: info.filename)
    except (BadZipFile, LargeZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise DamagedStreamError(str(error)) from error


def member_chunks(path: Path, info: ZipInfo, tally: Tally) -> Iterator[bytes]:
    """The bytes of one member, inflated as they are read.

    Raises:
        DamagedStreamError: The member is encrypted, packed in a way that is not supported, or damaged.
    """
    if info.flag_bits & _ENCRYPTED or info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise DamagedStreamError(f"{info.filename} is encrypted or packed with method {info.compress_type}")
    raw = _raw_chunks(path, info, tally)
    chunks = raw if info.compress_type == ZIP_STORED else inflate(raw, _new_deflate, many=False)
    checksum = 0
    for chunk in chunks:
        checksum = zlib.crc32(chunk, checksum)
        yield chunk
    if checksum != info.CRC:
        raise DamagedStreamError(f"{info.filename} does not fit its checksum")


def _new_deflate() -> Any:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)


def _raw_chunks(path: Path, info: ZipInfo, tally: Tally) -> Iterator[bytes]:
    with path.open("rb") as handle:
        handle.seek(info.header_offset)
        header = handle.read(_LOCAL_HEADER_BYTES)
        if len(header) < _LOCAL_HEADER_BYTES or header[:4] != b"PK\x03\x04":
            raise DamagedStreamError(f"{info.filename} has no header")
        # The local header's name and extra field may differ in length from the directory's.
        handle.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
        left = info.compress_size
        while left > 0:
            chunk = handle.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise DamagedStreamError(f"{info.filename} ends early")
            left -= len(chunk)
            tally.read_bytes(len(chunk))
            yield chunk
