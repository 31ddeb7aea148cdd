"""One line of JSON → a value: msgspec's fast path, and Python's own reader for what that refuses."""

import json
from typing import Any, TypeVar

import msgspec

from samedream.corpus.articles import Tally

Shape = TypeVar("Shape")


def decode_line(line: bytes, decoder: "msgspec.json.Decoder[Shape]", tally: Tally) -> Shape | None:
    """Decode one line; None when it is blank or broken, and then the reason is counted.

    Lone surrogates, NaN and a byte order mark are refused by msgspec but read by Python's reader: such lines are slow,
    not lost.
    """
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    value = _decode_slowly(line, tally)
    return None if value is None else convert(value, decoder.type, tally)


def convert(value: Any, shape: "type[Shape]", tally: Tally) -> Shape | None:
    """Fit a plain value into a shape; None, counted, when it does not fit."""
    try:
        return msgspec.convert(value, shape, strict=False)
    except (msgspec.ValidationError, RecursionError):
        tally.quarantined["records of an unexpected shape"] += 1
        return None


def _decode_slowly(line: bytes, tally: Tally) -> Any:
    try:
        text = line.decode("utf-8-sig", "surrogatepass").strip()
        if not text:
            return None
        value = json.loads(text)
    except UnicodeDecodeError:
        tally.quarantined["lines that are not UTF-8"] += 1
    except RecursionError:
        tally.quarantined["lines nested too deeply"] += 1
    except ValueError:
        tally.quarantined["lines that are not JSON"] += 1
    else:
        if isinstance(value, dict):
            return value
        tally.quarantined["lines that are not a JSON object"] += 1
    return None
