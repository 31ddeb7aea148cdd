"""A study file's keys: values given on the command line in their place, and the nearest one to a mistyped one."""

import difflib
import re
import tomllib
from typing import Any

from pydantic import BaseModel, ValidationError

from samedream.errors import StudyFileError


def override(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """Apply `--set a.b=c` to a study file's content; the value is TOML, or else a plain string.

    Raises:
        StudyFileError: An assignment without "=".
    """
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise StudyFileError(f"--set {assignment}: expected KEY=VALUE, for example --set corpus.passages=500")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        *parents, key = path.strip().split(".")
        place = values
        for part in parents:
            place = place.setdefault(part, {})
        place[key] = value
    return values


def problems(model: type[BaseModel], error: ValidationError) -> str:
    """What does not fit in a study's settings: each key with its value, and what was expected."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines.append(f'unknown key "{key}"; {nearest_key(model, problem["loc"])}')
        elif problem["type"] == "missing":
            lines.append(f'the key "{key}" is missing')
        else:  # what lies in two keys together is said of neither, but in the message
            lines.append(f'"{key}" = {shown(problem["input"])}: {message}' if key else message)
    return "; ".join(lines)


def nearest_key(model: type[BaseModel], location: tuple[str | int, ...]) -> str:
    """The valid key nearest to the last one of `location`, as a hint; found by walking down the settings."""
    *parents, key = [part for part in location if isinstance(part, str)]
    for part in parents:
        annotation: Any = model.model_fields[part].annotation if part in model.model_fields else None
        arguments = [annotation, *getattr(annotation, "__args__", ())]
        model = next((a for a in arguments if isinstance(a, type) and issubclass(a, BaseModel)), model)
    close = difflib.get_close_matches(str(key), model.model_fields, n=1, cutoff=0.5)
    valid = ", ".join(model.model_fields)
    return f'did you mean "{close[0]}"?' if close else f"valid keys here: {valid}"


def shown(value: Any) -> str:
    """A value as messages show it: an address without its user, password and query, which may be secrets."""
    return re.sub(r"(//)[^/@\s'\"]*@|\?[^\s'\"]*", lambda match: f"{match.group(1) or '?'}(hidden)", repr(value))
