"""A source → the pieces to read: files, files in directories, members of zips; always in the order of their names."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple
from zipfile import ZipInfo

from samedream.corpus.archives import member_chunks, zip_members
from samedream.corpus.articles import Tally
from samedream.corpus.config import SAMPLE
from samedream.corpus.streams import DECOMPRESSORS, DamagedStreamError, file_chunks, inflate
from samedream.errors import CorpusError

Form = Literal["json lines", "parquet", "text"]
_FORMS: dict[str, Form] = {
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
    ".parquet": "parquet",
    ".txt": "text",
    ".text": "text",
    ".md": "text",
}
_SAMPLE_FILE = Path(__file__).parent / "data" / "vital-level4-abstracts.jsonl.xz"
_EDGE_BYTES = 1 << 16
EXPECTED = ".jsonl or .ndjson (also .gz, .xz, .zst, .bz2), .parquet, .txt, a .zip of these, or a directory of these"


class Piece(NamedTuple):
    """One file to read, on disk or inside a zip.

    Attributes:
        name: Its path below the source, with forward slashes.
        form: How its text is laid out.
        codec: The suffix of its compression (".xz"), or "".
        path: The file on disk (the zip, for a member).
        member: The zip member, or None.
    """

    name: str
    form: Form
    codec: str
    path: Path
    member: ZipInfo | None = None


def source_path(source: str | Path) -> Path:
    """The path that a source stands for.

    Raises:
        CorpusError: There is nothing there.
    """
    if str(source) == SAMPLE:
        return _SAMPLE_FILE
    path = Path(source).expanduser()
    if not path.exists():
        raise CorpusError(
            f'there is no text source at {source}. Give the path of {EXPECTED}; or "{SAMPLE}", the Wikipedia leads '
            f"that come with samedream"
        )
    return path


def source_files(path: Path) -> list[tuple[str, Path]]:
    """All files of a source with their names below it, sorted; hidden files and macOS' shadow files are left out."""
    if path.is_file():
        return [(path.name, path)]
    found = ((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    return sorted((name, file) for name, file in found if not _is_shadow(name))


def source_bytes(path: Path) -> int:
    """Size of a source on disk."""
    return sum(file.stat().st_size for _, file in source_files(path))


def source_fingerprint(path: Path) -> str:
    """Hash of the names, sizes and both ends of a source's files: quick, and it changes when the source does."""
    digest = hashlib.blake2b(digest_size=16)
    for name, file in source_files(path):
        size = file.stat().st_size
        digest.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape"))
        with file.open("rb") as handle:
            digest.update(handle.read(_EDGE_BYTES))
            handle.seek(max(0, size - _EDGE_BYTES))
            digest.update(handle.read(_EDGE_BYTES))
    return digest.hexdigest()


def find_pieces(path: Path, tally: Tally) -> list[Piece]:
    """Everything readable in a source. Files of other kinds, and zips that are broken, are counted.

    Raises:
        CorpusError: Nothing in it can be read.
    """
    pieces: list[Piece] = []
    others: Counter[str] = Counter()
    for name, file in source_files(path):
        if file.suffix.lower() == ".zip":
            pieces += _zip_pieces(name, file, others, tally=tally)
        elif known := _form(name):
            pieces.append(Piece(name, *known, file))
        else:
            others[PurePosixPath(name).suffix or PurePosixPath(name).name] += 1
    if others:
        tally.quarantined["files of a kind that is not read"] += others.total()
    if not pieces:
        found = ", ".join(f"{number} × {kind}" for kind, number in sorted(others.items())[:10])
        broken = "a damaged or unfinished zip (download it again)" if tally.quarantined[_BAD_ZIP] else "no file"
        raise CorpusError(f"no text that can be read in {path}: found {found or broken}, expected {EXPECTED}")
    return pieces


_BAD_ZIP = "zip files that are damaged or end early"


def _zip_pieces(name: str, file: Path, others: Counter[str], *, tally: Tally) -> Iterator[Piece]:
    try:
        members = zip_members(file)
    except (DamagedStreamError, OSError):
        tally.quarantined[_BAD_ZIP] += 1
        return
    for info in members:
        if _is_shadow(info.filename):
            continue
        if known := _form(info.filename):
            yield Piece(f"{name}/{info.filename}", *known, file, info)
        else:
            others[PurePosixPath(info.filename).suffix or info.filename] += 1


def _is_shadow(name: str) -> bool:
    """Whether a path is hidden, or one of the shadow files that macOS adds to zips."""
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(name).parts)


def _form(name: str) -> tuple[Form, str] | None:
    path = PurePosixPath(name.lower())
    codec = path.suffix if path.suffix in DECOMPRESSORS else ""
    form = _FORMS.get(path.with_suffix("").suffix if codec else path.suffix)
    if form is None or (codec and form == "parquet"):
        return None
    return form, codec


def piece_chunks(piece: Piece, tally: Tally) -> Iterator[bytes]:
    """The decompressed bytes of a piece.

    Raises:
        DamagedStreamError: It is damaged or ends early; what came before has been yielded.
    """
    chunks = member_chunks(piece.path, piece.member, tally) if piece.member else file_chunks(piece.path, tally)
    return inflate(chunks, DECOMPRESSORS[piece.codec]) if piece.codec else chunks
