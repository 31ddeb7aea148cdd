import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samedream.labels.language.parsing import clean, objects
from samedream.labels.language.schema import misfits

KEYS = st.text(max_size=5)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=3)
NO_CLOCK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a shared machine is no fault


@NO_CLOCK
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_an_object_is_found_in_fences_and_prose(value):
    text = json.dumps(value)
    assert next(objects(text)) == value
    if "```" not in text and "<think" not in text:
        assert next(objects(f"```json\n{text}\n```")) == value
        assert next(objects(f"Here it is.\n{text}\nDone.")) == value


@NO_CLOCK
@given(st.text(max_size=200))
def test_any_text_gives_objects_or_nothing(text):
    assert all(isinstance(found, dict) for found in objects(text))


def test_commas_inside_strings_stay():
    assert next(objects('{"a": "x,}", "b": [1,2,],}')) == {"a": "x,}", "b": [1, 2]}


def test_deep_nesting_is_no_answer():
    assert list(objects('{"a":' * 5000)) == []


@pytest.mark.parametrize(
    ("dirty", "plain"),
    [
        ("two\nlines\tand  spaces ", "two lines and spaces"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("abc\u202edef\u2066", "abcdef"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("nul\x00 bell\x07", "nul bell"),
        ("e\u0301", "\u00e9"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("<b>bold</b>", "<b>bold</b>"),  # the page escapes; here it is text
    ],
)
def test_strings_are_made_safe(dirty, plain):
    assert clean(dirty) == plain
    assert clean({"a": [dirty], dirty: 1}) == {"a": [plain], plain: 1}


@NO_CLOCK
@given(st.text())
def test_what_is_safe_can_be_written_and_stays(text):
    made = clean(text)
    made.encode()
    assert clean(made) == made
    assert "\n" not in made and "\x1b" not in made


@pytest.mark.parametrize(
    ("value", "schema", "wrong"),
    [
        ({}, {"type": "object"}, []),
        ([], {"type": "object"}, ["the answer is no object"]),
        (True, {"type": "integer"}, ["the answer is no integer"]),
        (1.5, {"type": "integer"}, ["the answer is no integer"]),
        (1, {"type": "number", "minimum": 0, "maximum": 1}, []),
        (2, {"type": "number", "minimum": 0, "maximum": 1}, ["the answer is not from 0 to 1"]),
        ("c", {"enum": ["a", "b"]}, ["the answer is none of a, b"]),
        ("a b", {"type": "string", "pattern": "^[a-z]+$"}, ["the answer does not match ^[a-z]+$"]),
        ([1, "x"], {"type": "array", "items": {"type": "integer"}}, ["the answer[1] is no integer"]),
        ([1], {"type": "array", "minItems": 2}, ["the answer has 1 items, not 2 to any"]),
        ({"b": 1}, {"required": ["a"]}, ['the answer has no "a"']),
        ({"b": 1}, {"properties": {}, "additionalProperties": False}, ['the answer has an unknown key "b"']),
        ({"a": ""}, {"properties": {"a": {"type": "string", "minLength": 1}}}, ['"a" is empty']),
    ],
)
def test_what_does_not_fit_is_named(value, schema, wrong):
    assert list(misfits(value, schema)) == wrong


def test_a_keyword_that_is_not_checked_is_refused():
    with pytest.raises(ValueError, match="the schema of the answer has keywords that are not checked: oneOf"):
        list(misfits({}, {"oneOf": []}))
