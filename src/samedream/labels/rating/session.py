"""Asking in the terminal: one label at a time, its passages, one key."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from samedream.corpus.store import load_passages
from samedream.errors import MissingArtifactError
from samedream.features.store import load_activity, load_peaks
from samedream.labels.rating.items import LEAST, Candidate, Excerpt, Item, held_out, items
from samedream.labels.rating.records import Answer, Rating, append, load
from samedream.labels.store import load_labels
from samedream.records import Passage

SEED = 4738  # one order for all raters: what two have rated can be compared
ANSWERS: dict[str, Answer] = {"y": "yes", "n": "no", "u": "unsure"}
PROMPT = "Does the label say what these have in common? [y]es  [n]o  [u]nsure  [q]uit: "

Read = Callable[[str], str]
Show = Callable[[str], None]


class Held:
    """A model's labels and what its features do on the score fold."""

    def __init__(self, features: Path, labels: Path, passages: Sequence[Passage]) -> None:
        """Read them.

        Args:
            features: ``features/<model>``.
            labels: ``labels/<model>``.
            passages: The corpus.

        Raises:
            MissingArtifactError: One of them is not finished.
        """
        self.model, self._passages = labels.name, passages
        activity = load_activity(features)
        entry = sparse.csr_matrix((np.arange(activity.nnz), activity.indices, activity.indptr), shape=activity.shape)
        column = entry.tocsc()
        column.sort_indices()
        self._activity = sparse.csc_matrix(
            (activity.data[column.data], column.indices, column.indptr), shape=activity.shape
        )
        start, end = load_peaks(features)
        self._spans: tuple[NDArray[np.int64], NDArray[np.int64]] = (
            start[column.data].astype(np.int64),
            end[column.data].astype(np.int64),
        )
        self.rows = load_labels(labels).to_pylist()

    def excerpts(self, feature: int) -> list[Excerpt]:
        """The passages that are shown of a feature."""
        return held_out(self._activity, self._spans, self._passages, feature)

    def candidates(self) -> list[Candidate]:
        """Labels that can be rated: of features with enough passages in the score fold."""
        held = np.array([passage.fold == "score" for passage in self._passages])
        column = np.repeat(np.arange(self._activity.shape[1]), np.diff(self._activity.indptr))
        fires = np.bincount(column[held[self._activity.indices]], minlength=self._activity.shape[1])
        return [
            Candidate(self.model, row["feature"], row["label"])
            for row in self.rows
            if row["status"] == "ok" and row["label"] and fires[row["feature"]] >= LEAST
        ]


def open_models(corpus: Path, models: Mapping[str, tuple[Path, Path]]) -> dict[str, Held]:
    """Model → its labels and features.

    Args:
        corpus: The study's ``corpus``.
        models: Model → ``features/<model>`` and ``labels/<model>``.

    Raises:
        MissingArtifactError: A stage is not finished.
    """
    passages = load_passages(corpus)
    return {name: Held(features, labels, passages) for name, (features, labels) in models.items()}


def rate(models: Mapping[str, Held], path: Path, *, count: int, rater: str, read: Read, show: Show) -> int:
    """Ask until `count` items of the fixed order are answered by this rater, or they quit; each answer is kept at once.

    Args:
        models: Model → its labels and features.
        path: ``labels/ratings.jsonl``.
        count: How many items of the order are asked in all; those answered before count.
        rater: Who answers.
        read: Shows a prompt and gives the line that was typed; EOFError ends the session.
        show: Shows a line.

    Returns:
        How many of them this rater has answered by now.

    Raises:
        MissingArtifactError: No label can be rated.
    """
    candidates = {name: held.candidates() for name, held in models.items()}
    if not any(candidates.values()):
        raise MissingArtifactError(
            f"no label under {path.parent} has {LEAST} passages of the score fold, so none can be rated; a corpus of "
            f"more passages (corpus.passages) has them"
        )
    answered = {rating.key for rating in load(path) if rating.rater == rater}
    asked = list(islice(_fit(items(candidates, SEED), models), count))
    done = sum(item.key in answered for item in asked)
    for item in asked:
        if item.key in answered:
            continue
        excerpts = models[item.model].excerpts(item.feature)
        for line in _shown(item, excerpts, f"{done + 1} of {len(asked)}"):
            show(line)
        answer = _answer(read, show)
        if answer is None:
            break
        append(path, _rating(item, excerpts, answer, rater=rater))
        done += 1
    return done


def _fit(every: Iterator[Item], models: Mapping[str, Held]) -> Iterator[Item]:
    """Items whose passages are of enough different articles."""
    return (item for item in every if len(models[item.model].excerpts(item.feature)) >= LEAST)


def _shown(item: Item, excerpts: Sequence[Excerpt], place: str) -> Iterator[str]:
    yield f"\n{place}"
    yield f"label: {item.label}"
    for one in excerpts:
        text = one.text
        if one.end > one.start:
            text = f"{text[: one.start]}[[{text[one.start : one.end]}]]{text[one.end :]}"
        yield f"  - {' '.join(text.split())}"


def _answer(read: Read, show: Show) -> Answer | None:
    while True:
        try:
            typed = read(PROMPT).strip().casefold()
        except EOFError:
            return None
        if typed[:1] == "q":
            return None
        if typed[:1] in ANSWERS:
            return ANSWERS[typed[:1]]
        show("y, n, u or q, please")


def _rating(item: Item, excerpts: Sequence[Excerpt], answer: Answer, *, rater: str) -> Rating:
    return Rating(
        key=item.key,
        rater=rater,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        model=item.model,
        feature=item.feature,
        label=item.label,
        label_of=item.label_of,
        answer=answer,
        passages=[one.passage_id for one in excerpts],
    )
