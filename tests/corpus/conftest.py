import json
import random

import pytest

from samedream.corpus.articles import Tally


def invented_word(rng):
    return "".join(rng.choice("bdfgklmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(1, 3)))


def invented_sentence(rng):
    """A sentence of 12 invented words: two of them are never alike."""
    return " ".join(invented_word(rng) for _ in range(12)).capitalize() + "."


def article_text(number, sentences=6):
    rng = random.Random(number)
    return " ".join(invented_sentence(rng) for _ in range(sentences))


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def write_jsonl(tmp_path):
    def write(name, rows):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def table_rows():
    def rows(count, sentences=6):
        return [{"id": f"a{i}", "title": f"Title {i}", "text": article_text(i, sentences)} for i in range(count)]

    return rows
