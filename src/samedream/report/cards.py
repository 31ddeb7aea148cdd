"""Build a card: a pair of features with the same passages as each model reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from samedream.report.figures import gauge
from samedream.report.marks import excerpt, marked, number
from samedream.report.pairs import Pair
from samedream.report.passages import Pick, choose_passages
from samedream.report.reading import Corpus, Feature, Model, PassageText, Reading
from samedream.report.views import Card, Cell, Row


@dataclass(frozen=True)
class Plan:
    """A pair that will be shown, the passages chosen for it, and whose feature it is about ("ab" for both)."""

    anchor: str
    pair: Pair
    left: Feature | None
    right: Feature | None
    picks: Sequence[Pick]
    only: str


def plan(anchor: str, pair: Pair, models: tuple[Model, Model], count: int, *, only: str = "ab") -> Plan:
    """Choose a pair's passages.

    Args:
        anchor: The card's name on the page.
        pair: The two features; one may be None.
        models: Both models' features.
        count: Passages to show.
        only: Whose exemplars to choose from: "ab", or one side for a feature without a partner.
    """
    left = models[0].features.get(pair.a) if pair.a is not None else None
    right = models[1].features.get(pair.b) if pair.b is not None else None
    picks = choose_passages(
        left.exemplars if left and "a" in only else (), right.exemplars if right and "b" in only else (), count
    )
    return Plan(anchor, pair, left, right, picks, only)


def passage_ids(plans: Iterable[Plan]) -> set[str]:
    """Every passage that some card shows."""
    return {pick.passage_id for planned in plans for pick in planned.picks}


def _cell(text: str, feature: Feature | None, reading: Reading | None) -> Cell:
    if feature is None or reading is None:
        return Cell(Markup.escape(text), None, "", "", True)
    maximum = max(feature.maximum, reading.value)
    share = reading.value / maximum if maximum > 0 else 0.0
    return Cell(marked(text, reading.spans, maximum), share, number(reading.value), number(maximum), reading.whole)


def _reading(feature: Feature | None, model: Model, passage: PassageText, row: int) -> Reading | None:
    return None if feature is None else model.reading(feature, passage.passage_id, row)


def card(planned: Plan, models: tuple[Model, Model], corpus: Corpus) -> Card:
    """Mark up every chosen passage as each of the two models reads it.

    The excerpt is from the passage that excites both most; for a feature without a partner, from the one that excites
    it most and the other's nearest feature least, with its own marks alone.
    """
    rows: list[Row] = []
    clearest: tuple[float, Markup, PassageText | None] = (-2.0, Markup(""), None)
    for pick in planned.picks:
        passage, place = corpus.texts[pick.passage_id], corpus.rows[pick.passage_id]
        a = _reading(planned.left, models[0], passage, place)
        b = _reading(planned.right, models[1], passage, place)
        row = Row(
            passage,
            pick.side,
            pick.stratum,
            _cell(passage.text, planned.left, a),
            _cell(passage.text, planned.right, b),
        )
        rows.append(row)
        own = [letter in planned.only for letter in "ab"]
        clear = sum(
            (cell.share or 0.0) * (1 if shown else -1) for cell, shown in zip((row.left, row.right), own, strict=True)
        )
        if clear > clearest[0]:
            line = excerpt(passage.text, a.spans if a and own[0] else (), b.spans if b and own[1] else ())
            clearest = (clear, line, passage)
    return Card(planned.anchor, planned.left, planned.right, planned.pair, gauge(planned.pair), rows, *clearest[1:])
