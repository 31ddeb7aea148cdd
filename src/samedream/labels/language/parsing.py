"""From what a model wrote to JSON objects: strict JSON first, then what models wrap it in; and strings made safe."""

import json
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\n?(.*?)```", re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')  # a string is met first and left alone
_MOST_TRIES = 20  # braces at which an object is looked for
_JOINERS = "\u200c\u200d"  # Persian and Indic scripts and emoji need them


def objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a model's answer, the likeliest first.

    Taken off: thoughts (<think>), code fences, prose around an object, commas before a closing bracket. An object with
    a value that JSON does not know (NaN) is none.
    """
    text = _THOUGHT.sub("", text)
    fenced = _FENCE.search(text)
    for candidate in (text, fenced.group(1) if fenced else ""):
        yield from _objects(candidate)
        if (mended := _TRAILING_COMMA.sub(lambda match: match.group(1) or "", candidate)) != candidate:
            yield from _objects(mended)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder(parse_constant=_refuse, strict=False)  # raw line breaks; `clean` takes them out
    start = text.find("{")
    for _ in range(_MOST_TRIES):
        if start < 0:
            return
        end = start + 1
        try:
            value, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            pass
        else:
            yield value  # what begins with a brace is an object
        start = text.find("{", end)


def _refuse(name: str) -> Any:
    raise ValueError(name)


def clean(value: Any) -> Any:
    """A JSON value whose strings hold no control characters, line breaks, marks of direction or lone surrogates.

    Spaces are made single ones. A model can be made to write anything; a label stands in tables, terminals and pages.
    """
    if isinstance(value, str):
        kept = "".join(
            " " if character.isspace() else character
            for character in unicodedata.normalize("NFC", value)
            if character.isspace() or character in _JOINERS or not unicodedata.category(character).startswith("C")
        )
        return " ".join(kept.split())
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value
