"""Training dictionaries: the loop, then calibration and health on held-out rows."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch

from samedream import progress
from samedream.errors import TrainingError
from samedream.sae.autoencoder import SparseAutoencoder
from samedream.sae.config import SAEConfig
from samedream.sae.course import Course
from samedream.sae.distributed import current_ranks
from samedream.sae.feed import BUFFER_ROWS, Feed
from samedream.sae.health import DEAD_ROWS, measure_health
from samedream.sae.plan import as_matrix, check_rows, make_plan
from samedream.sae.report import TrainingReport
from samedream.sae.scaling import measure
from samedream.sae.split import Split, Vectors, VectorStore, split_rows, split_vectors

Given = torch.Tensor | npt.NDArray[Any] | VectorStore
Trained = tuple[SparseAutoencoder, TrainingReport]


def train_sae(vectors: Given, config: SAEConfig | None = None, *, workspace: Path | None = None) -> Trained:
    """Train a dictionary on hidden states.

    The same vectors and settings give the same bits on the same machine, killed and resumed or not.

    Args:
        vectors: Raw hidden states [rows, d], or a finished harvest (`ActivationStore`), read from disk as it is needed.
            Of a harvest a tenth of the articles is held out, by a hash of their ids; of bare vectors a tenth of the
            rows.
        config: Settings; the defaults when not given.
        workspace: A directory for checkpoints and kept moments. A run that was killed goes on from the checkpoint
            there; a finished one removes it. None: nothing is written.

    Returns:
        The dictionary, which takes raw hidden states, and how its training went.

    Raises:
        TrainingError: The vectors cannot be trained on (too few, NaN, all the same), the settings do not fit them, or
            the loss is not finite.
        StaleArtifactError: The checkpoint in `workspace` is of other settings or data.
    """
    return train_many(vectors, [config or SAEConfig()], workspaces=[workspace])[0]


def train_many(
    vectors: Given, configs: Sequence[SAEConfig], *, workspaces: Sequence[Path | None] | None = None
) -> list[Trained]:
    """Train several dictionaries (layers, seeds, widths, k, L1 weights, variants) on one pass over the same rows.

    Every batch is read once and shown to all of its layer; the first one's seed gives the order. Layers come one after
    the other, so no row is read twice. Memory is the sum of all of a layer.

    Args:
        vectors: As for `train_sae`.
        configs: Settings of each, at least one; those of a layer share articles and batch_rows.
        workspaces: As for `train_sae`, one each.

    Returns:
        What `train_sae` returns, for each.

    Raises:
        TrainingError: As for `train_sae`, or the settings do not share what they must.
        StaleArtifactError: A checkpoint is of other settings or data.
    """
    places = workspaces or [None] * len(configs)
    found: dict[int, Trained] = {}
    for layer in dict.fromkeys(config.layer for config in configs):
        mine = [number for number, config in enumerate(configs) if config.layer == layer]
        trained = train_each(vectors, [configs[one] for one in mine], workspaces=[places[one] for one in mine])
        found |= zip(mine, trained, strict=True)
    return [found[number] for number in range(len(configs))]


def train_each(
    vectors: Given, configs: Sequence[SAEConfig], *, workspaces: Sequence[Path | None] | None = None
) -> Iterator[Trained]:
    """`train_many` of one layer, one result after the other: what was taken is safe if the next is interrupted."""
    first = configs[0]
    for config in configs:
        for key in ("layer", "articles", "batch_rows"):
            if getattr(config, key) != getattr(first, key):
                raise TrainingError(
                    f"dictionaries trained on one pass share {key}: found {getattr(first, key)!r} and "
                    f"{getattr(config, key)!r}. Train them apart"
                )
    if current_ranks() is not None and any(workspaces or ()):
        raise TrainingError(
            "several processes train together and a workspace was given: expected none, because their checkpoints "
            "would not be of the same step. Leave workspace out"
        )
    rows, split = _rows(vectors, first)
    check_rows(rows, split)
    scaling = measure(rows, split.train)
    courses = [
        Course(
            config,
            make_plan(config, len(split.train), rows.shape[1]),
            scaling,
            vectors=rows,
            held_out=split.held_out,
            workspace=workspace,
        )
        for config, workspace in zip(configs, workspaces or [None] * len(configs), strict=True)
    ]
    speed = _loop(courses, Feed(rows, split.train, scaling=scaling, seed=first.seed, buffer_rows=BUFFER_ROWS))
    for course in courses:
        yield _finish(course, rows, split, speed=speed)
        course.clean_up()


def _rows(vectors: Given, config: SAEConfig) -> tuple[Vectors, Split]:
    """All vectors, and which of them train."""
    if isinstance(vectors, VectorStore):
        stored = vectors.stored(config.layer)
        if not len(stored):
            raise TrainingError("the harvest holds no vectors: expected some. Read passages with text in them")
        return stored, split_rows(vectors.row_passages(config.layer), vectors.article_ids, config.articles)
    matrix = as_matrix(vectors)
    return matrix, split_vectors(len(matrix), config.articles)


def _loop(courses: Sequence[Course], feed: Feed) -> float:
    """Run all steps of all; return the rows each has seen per second."""
    longest = max((course.plan for course in courses), key=lambda plan: plan.steps)
    begun = min(course.trainer.steps_done for course in courses)
    count = f"{len(courses)} dictionaries" if len(courses) > 1 else f"a dictionary of {longest.width:,} features"
    started = time.perf_counter()
    number = begun
    with progress.step(f"training {count}", longest.steps, "steps") as bar:
        bar.skip(begun)
        for number, batch in enumerate(feed.batches(longest, begun), begun):
            notes = [
                course.learn(batch) for course in courses if course.trainer.steps_done == number and not course.done
            ]
            bar.advance(1, note=notes[0] if notes else "")
            if all(course.done for course in courses):
                break
    return (number + 1 - begun) * longest.batch_rows / (time.perf_counter() - started)


def _finish(course: Course, rows: Vectors, split: Split, *, speed: float) -> Trained:
    """Calibrate and measure."""
    sae, threshold, step = course.finish()
    with progress.step(
        "measuring the dictionary's health", len(course.held_out) + min(len(split.train), DEAD_ROWS), "vectors"
    ) as bar:
        health = measure_health(sae, rows, course.held_out, others=split.train, advance=bar.advance)
    sae.metadata["l0"] = next(metric.value for metric in health if metric.key == "l0")
    return sae, TrainingReport(
        config=course.config,
        plan=course.plan,
        d_in=rows.shape[1],
        rows=len(split.train),
        held_out_rows=len(course.held_out),
        scale=course.scaling.scale,
        threshold=threshold,
        history=course.history,
        health=health,
        stopped_at=step,
        vectors_per_second=speed,
    )
