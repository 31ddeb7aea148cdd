"""Study directory → everything the page shows. Reads; computes nothing that a stage before it should have computed."""

from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from samedream import artifacts
from samedream.errors import CorruptArtifactError
from samedream.records import Directed
from samedream.report import figures, health, method, words
from samedream.report.cards import Plan, card, passage_ids, plan
from samedream.report.config import ReportConfig
from samedream.report.finding import Found, dictionary, directories, files, model_names
from samedream.report.fineness import fineness
from samedream.report.inwords import in_words
from samedream.report.labelled import labelled_tables, read_labelled, scores_table
from samedream.report.measured import measured
from samedream.report.pairs import (
    ONE_TO_ONE,
    ONLY_HERE,
    UNSTABLE,
    Pair,
    best_pairs,
    distinct,
    lonely_features,
    random_pairs,
)
from samedream.report.reading import Corpus, Model, finite, read_corpus, read_json, read_model
from samedream.report.relations import related, relations
from samedream.report.together import together
from samedream.report.views import Card, Comparison, ModelName, Page, Side

FIGURES = ("universality", "floor", "ceiling", "normalised", "shared_fraction")
FIRST = 3  # pairs on the first screen
SELDOM = 0.2  # if possible none that fires in a larger share of the passages: those are mostly "the" and commas


@dataclass(frozen=True)
class _Plans:
    best: list[Plan]
    random: list[Plan]
    lonely: tuple[list[Plan], list[Plan]]

    def every(self) -> list[Plan]:
        return [*self.best, *self.random, *self.lonely[0], *self.lonely[1]]


@dataclass(frozen=True)
class _Choice:
    best: list[Pair]
    random: list[Pair]
    lonely: tuple[list[Pair], list[Pair]]

    def features(self) -> tuple[set[int], set[int]]:
        every = [*self.best, *self.random, *self.lonely[0], *self.lonely[1]]
        further = related(every)
        return {p.a for p in every if p.a is not None} | further[0], {p.b for p in every if p.b is not None} | further[
            1
        ]


def _choose(found: Found, config: ReportConfig) -> _Choice:
    return _Choice(
        best_pairs(found.matched, config.best),
        random_pairs(found.matched, config.random, config.seed),
        (lonely_features(found.matches, "a", config.only_here), lonely_features(found.matches, "b", config.only_here)),
    )


def _plan(key: str, choice: _Choice, models: tuple[Model, Model], config: ReportConfig) -> _Plans:
    def plans(group: str, pairs: Sequence[Pair], only: str = "ab") -> list[Plan]:
        return [plan(f"{key}-{group}-{n}", pair, models, config.passages, only=only) for n, pair in enumerate(pairs, 1)]

    lonely = plans("only-a", choice.lonely[0], "a"), plans("only-b", choice.lonely[1], "b")
    return _Plans(plans("best", choice.best), plans("random", choice.random), lonely)


def _directed(found: Found, key: str) -> Directed | None:
    try:
        return msgspec.convert(found.summary.get(key), Directed | None)
    except msgspec.ValidationError as error:
        raise CorruptArtifactError(
            f"{found.directory / 'summary.json'}: {key} is not an estimate in two directions "
            f"({error}); delete {found.directory} and rerun"
        ) from error


def _rate(card_: Card) -> float:
    return max((feature.firing_rate for feature in (card_.left, card_.right) if feature), default=0.0)


def _said(card_: Card) -> set[str]:
    features = [feature for feature in (card_.left, card_.right) if feature]
    return {word.casefold() for feature in features for word in (feature.keywords[:3] or (feature.label,)) if word}


def _side(found: Found, at: int, names: Mapping[str, ModelName], lonely: Sequence[Card]) -> Side:
    letter = "ab"[at]
    model, other = names[found.slugs[at]], names[found.slugs[1 - at]]
    rows = [row for row in found.matches if row.side == letter]
    judged = [row for row in rows if row.judged]
    counts = Counter(row.kind for row in rows)
    known = any(row.repeat_r is not None for row in rows)
    return Side(
        model,
        other,
        len(rows),
        figures.class_bar(counts, model.name, other.name, stable_known=known),
        words.class_title(model.name, other.name, counts),
        figures.strengths(judged, model.name, other.name),
        words.strength_title(model.name, other.name, judged),
        lonely,
        counts[ONLY_HERE] + (0 if known else counts[UNSTABLE]),
        known,
    )


def _comparison(found: Found, key: str, names: Mapping[str, ModelName], cards: Mapping[str, list[Card]]) -> Comparison:
    estimates = {figure: _directed(found, figure) for figure in FIGURES}
    strengths = [pair.strength for pair in found.matched]
    seldom = [card_ for card_ in cards["best"] if _rate(card_) <= SELDOM]
    first = distinct(seldom if len(seldom) >= FIRST else cards["best"], _said, FIRST)
    hues = names[found.slugs[0]].number, names[found.slugs[1]].number
    rules = found.summary.get("method") or {}
    verdict = str(found.summary.get("verdict") or "").strip().replace(" %", words.PERCENT)
    return Comparison(
        key=key,
        directory=f"comparison/{found.directory.name}",
        a=_side(found, 0, names, cards["a"]),
        b=_side(found, 1, names, cards["b"]),
        headline=words.headline(estimates["shared_fraction"]),
        verdict=verdict or "Whether they do, we cannot tell from this study.",
        passages=int(found.summary.get("passages") or 0),
        blocks=int(found.summary.get("blocks") or 0),
        scale=figures.scale(found.names, hues, estimates),
        scale_title=words.scale_title(found.names, estimates),
        gaps=words.scale_gaps(estimates),
        first=first,
        first_limit=SELDOM if len(seldom) >= FIRST else None,
        best=cards["best"],
        random=cards["random"],
        matched=len(found.matched),
        matched_median=median(strengths) if strengths else None,
        mutual=sum(pair.seen.kind == ONE_TO_ONE for pair in found.matched),
        fineness=fineness(found.summary.get("granularity"), found.names),
        measured=[
            *measured(found.summary, found.names),
            *labelled_tables(read_labelled(found.directory), found.names),
        ],
        method=method.flat(rules),
        luck=finite(rules.get("false_discovery_rate")),
        notes=[str(note) for note in found.summary.get("notes") or ()],
        words=in_words(found.directory, [card_ for group in cards.values() for card_ in group]),
    )


def _read_models(study: Path, found: Sequence[Found], choices: Sequence[_Choice]) -> dict[str, Model]:
    wanted: dict[str, set[int]] = {}
    for comparison, choice in zip(found, choices, strict=True):
        for slug, features in zip(comparison.slugs, choice.features(), strict=True):
            wanted.setdefault(slug, set()).update(features)
    return {slug: read_model(study, slug, features) for slug, features in wanted.items()}


def _check_rows(study: Path, models: Mapping[str, Model], corpus: Corpus) -> None:
    for slug, model in models.items():
        if model.passages != corpus.total:
            raise CorruptArtifactError(
                f"{study / 'features' / slug / 'activity.npz'} has {model.passages} rows, expected one for each of the "
                f"{corpus.total} passages of the corpus; delete {study / 'features' / slug} and rerun"
            )


def _cards(plans: _Plans, models: tuple[Model, Model], corpus: Corpus, names: tuple[str, str]) -> dict[str, list[Card]]:
    anchors: dict[tuple[int, int], str] = {}
    for planned in plans.every():
        for side, feature in enumerate((planned.pair.a, planned.pair.b)):
            if feature is not None:
                anchors.setdefault((side, feature), planned.anchor)
    lists = {"best": plans.best, "random": plans.random, "a": plans.lonely[0], "b": plans.lonely[1]}
    return {
        group: [
            replace(card(planned, models, corpus), relations=relations(planned.pair, models, names, anchors))
            for planned in listed
        ]
        for group, listed in lists.items()
    }


def gather(study: Path, config: ReportConfig, found: Sequence[Found]) -> Page:
    """Read and arrange everything the page shows.

    Args:
        study: The study's directory.
        config: How much to show.
        found: The study's finished comparisons.
    """
    names = model_names(found)
    choices = [_choose(comparison, config) for comparison in found]
    models = _read_models(study, found, choices)
    sides = [(models[comparison.slugs[0]], models[comparison.slugs[1]]) for comparison in found]
    keys = [f"c{n}" for n in range(1, len(found) + 1)]
    plans = [_plan(*parts, config) for parts in zip(keys, choices, sides, strict=True)]
    corpus = read_corpus(study / "corpus", passage_ids(planned for group in plans for planned in group.every()))
    _check_rows(study, models, corpus)
    comparisons = []
    for comparison, key, group, pair in zip(found, keys, plans, sides, strict=True):
        cards = _cards(group, pair, corpus, comparison.names)
        comparisons.append(_comparison(comparison, key, names, cards))
    rows = _health(study, names, found)
    return Page(
        words.question([model.name for model in names.values()]),
        list(names.values()),
        comparisons,
        rows,
        health.tally(rows),
        _sweeps(study, names),
        method.stages(directories(study, names, found)),
        files(study, names, found),
        artifacts.code_version(),
        config.model_dump(mode="json"),
        together(study, found),
        scores_table(study, {slug: model.name for slug, model in names.items()}),
    )


def _sweeps(study: Path, names: Mapping[str, ModelName]) -> dict[str, str]:
    """Pictures of finished sweeps; as an image a picture from the study can run no script in the page."""
    found = {model.name: study / "sae" / slug / "sweep" for slug, model in names.items()}
    return {
        name: "data:image/svg+xml;base64," + b64encode((directory / "frontier.svg").read_bytes()).decode()
        for name, directory in found.items()
        if artifacts.read_manifest(directory) is not None
    }


def _health(study: Path, names: Mapping[str, ModelName], found: Sequence[Found]) -> list[health.HealthRow]:
    reports: dict[str, dict[str, Any] | None] = {}
    for slug in names:
        paths = [directory / "health.json" for directory in dictionary(study, slug)]
        reports[slug] = read_json(paths[0]) if paths and paths[0].exists() else None
    for comparison in reversed(found):  # of several comparisons the first one speaks for a model
        for slug, side in zip(comparison.slugs, ("a", "b"), strict=True):
            stable = health.seed_stability((comparison.summary.get("seed_stability") or {}).get(side))
            report = reports[slug]
            if stable and report:
                others = [metric for metric in report.get("metrics", ()) if metric.get("key") != stable["key"]]
                reports[slug] = {**report, "metrics": [*others, stable]}
    return health.health_rows(reports, list(names))
