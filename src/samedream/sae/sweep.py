"""A sweep over k and the weight of the L1 penalty: a dictionary for each pair, all trained on one pass."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch
from pydantic import ValidationError

from samedream import artifacts, progress
from samedream.errors import TrainingError
from samedream.sae.config import SAEConfig
from samedream.sae.frontier import Point, point_of, read_point, with_frontier
from samedream.sae.plan import as_matrix
from samedream.sae.split import VectorStore
from samedream.sae.store import HEALTH
from samedream.sae.sweep_picture import draw
from samedream.sae.training import Given, train_each

STAGE = "sweep"
FRONTIER, PICTURE = "frontier.json", "frontier.svg"
# not part of what all points of a sweep share: the knobs, and what is written out or not measured here
_APART = {"preset", "variant", "k", "l1_strength", "downstream_passages"}


def sweep(
    vectors: Given,
    config: SAEConfig | None = None,
    *,
    k: Sequence[int] = (16, 32, 64),
    l1_strength: Sequence[float] = (),
    workspace: Path | None = None,
    name: str = "hidden states",
    inputs: Mapping[str, str] | None = None,
) -> list[Point]:
    """Train a dictionary for each pair of k and L1 weight; memory is the sum of all.

    Args:
        vectors: As for `train_sae`.
        config: All other settings; the defaults when not given.
        k: Values of k; none: the settings' own. One at most with variant l1, where k plays no part.
        l1_strength: Weights of the L1 penalty; none: the settings' own. With `batchtopk` or `topk`, which have no
            penalty, dictionaries of variant `l1_topk` are trained.
        workspace: A directory for dictionaries (one directory each), `frontier.json`, `frontier.svg` and a manifest.
            Dictionaries that are finished there are not trained again, those begun go on from their checkpoints, and
            what earlier sweeps left there belongs to the frontier too. None: nothing is written.
        name: What the hidden states are of; for the picture and the manifest.
        inputs: Fingerprints of what the vectors are from; a hash of the vectors when not given.

    Returns:
        Points in the order of their knobs, those of earlier sweeps in `workspace` among them.

    Raises:
        TrainingError: As for `train_sae`, or the knobs do not fit the variant or each other.
        StaleArtifactError: `workspace` holds a sweep with other settings or of other vectors.
    """
    config = config or SAEConfig()
    asked = combinations(config, k, l1_strength)
    if workspace is None:
        trained = train_each(vectors, asked)
        return with_frontier([point_of(one, report.health) for one, (_, report) in zip(asked, trained, strict=True)])
    shared = {**config.model_dump(mode="json", exclude=_APART), "source": name}
    inputs = inputs if inputs is not None else {"vectors": _fingerprint(vectors, config.layer)}
    return _on_disk(vectors, asked, workspace, shared=shared, inputs=inputs)


def combinations(config: SAEConfig, k: Sequence[int], l1_strength: Sequence[float]) -> list[SAEConfig]:
    """The settings of each dictionary of a sweep, in the order of the knobs; a value given twice counts once.

    Raises:
        TrainingError: The knobs do not fit the variant, or a value is out of range.
    """
    values: dict[str, Any] = config.model_dump()
    if l1_strength and config.variant in ("batchtopk", "topk"):
        progress.say(f'variant "{config.variant}" has no L1 penalty: the sweep over l1_strength trains "l1_topk"')
        values["variant"] = "l1_topk"
    if config.variant == "l1" and len(set(k)) > 1:
        raise TrainingError(
            f"a sweep over k ({', '.join(map(str, k))}) with variant l1, in which the L1 penalty alone decides how "
            f'many features are active: sweep over l1_strength and give no k, or set variant = "l1_topk"'
        )
    weights: list[float | None] = [*sorted(set(l1_strength))] or [config.l1_strength]
    try:
        return [
            SAEConfig.model_validate({**values, "k": one, "l1_strength": weight})
            for weight in weights
            for one in sorted(set(k)) or [config.k]
        ]
    except ValidationError as error:
        problem = error.errors()[0]
        said = problem["msg"].removeprefix("Value error, ")
        where = f"{problem['loc'][0]} = {problem['input']!r}: " if problem["loc"] else ""
        raise TrainingError(f"this sweep cannot be made: {where}{said}") from error


def _on_disk(
    vectors: Given,
    asked: Sequence[SAEConfig],
    workspace: Path,
    *,
    shared: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> list[Point]:
    """Train what is missing in a sweep's directory, and draw all that is there then."""
    done = artifacts.already_done(workspace, STAGE, shared, inputs)
    missing = [one for one in asked if not (workspace / point_of(one).name / HEALTH).exists()]
    if missing or not done or (workspace / artifacts.STARTED).exists():
        artifacts.begin(workspace, STAGE, shared, inputs)
        _train(vectors, missing, workspace)
        points, source = finished(workspace), shared["source"]
        artifacts.write_json(workspace / FRONTIER, {"source": source, "points": msgspec.to_builtins(points)})
        artifacts.write_bytes(workspace / PICTURE, draw(points, source).encode())
        files = [
            workspace / FRONTIER,
            workspace / PICTURE,
            *(path for one in points for path in _files(workspace, one)),
        ]
        artifacts.finish(workspace, STAGE, shared, inputs=inputs, counts={"points": len(points)}, files=files)
    return finished(workspace)


def finished(workspace: Path) -> list[Point]:
    """The points of all dictionaries that are finished in a sweep's directory, the frontier marked."""
    return with_frontier([read_point(path.parent) for path in workspace.glob(f"*/{HEALTH}")])


def _train(vectors: Given, configs: Sequence[SAEConfig], workspace: Path) -> None:
    """Train what is missing; a dictionary's health.json, written last, is the sign that it is finished."""
    if not configs:
        return
    places = [workspace / point_of(config).name for config in configs]
    for place, (sae, report) in zip(places, train_each(vectors, configs, workspaces=places), strict=True):
        sae.save(place)
        artifacts.write_json(place / HEALTH, report.record())


def _files(workspace: Path, one: Point) -> list[Path]:
    return [path for path in (workspace / one.name).rglob("*") if path.is_file() and not path.name.startswith(".")]


def _fingerprint(vectors: Given, layer: str | None) -> str:
    """SHA-256 of the rows, in float32."""
    rows = vectors.stored(layer) if isinstance(vectors, VectorStore) else as_matrix(vectors)
    digest = hashlib.sha256(repr(tuple(rows.shape)).encode())
    for start in range(0, len(rows), 4096):
        digest.update(rows[torch.arange(start, min(start + 4096, len(rows)))].numpy().tobytes())
    return digest.hexdigest()
