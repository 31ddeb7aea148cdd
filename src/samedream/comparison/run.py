"""Run the comparison stage: two models' features, their repeats and twins → ``comparison/<a>--<b>/``.

With three models or more ``comparison/all/`` puts the comparisons of every two together.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from samedream import artifacts
from samedream.artifacts import Manifest
from samedream.comparison.compare import compare
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.granularity.widths import Readers, at, with_widths
from samedream.comparison.reading import PASSAGES, read_context, with_models
from samedream.comparison.store import load_matches, load_summary, save, save_together
from samedream.comparison.together.together import put_together
from samedream.errors import ComparisonError, StaleArtifactError
from samedream.features.store import load_activity

STAGE = "comparison"


def run(
    out: Path,
    config: ComparisonConfig,
    *,
    names: tuple[str, str],
    left: Path,
    right: Path,
    corpus: Path,
    dictionaries: Mapping[str, Path] | None = None,
    embedding: Path | None = None,
    widths: Mapping[int, Readers] | None = None,
    **beside: Path | None,
) -> None:
    """Make ``comparison/<a>--<b>``, unless it is there already.

    Args:
        out: The stage's directory.
        config: The settings.
        names: Display names of left and right.
        left: ``features/<a>``.
        right: ``features/<b>``.
        corpus: ``corpus``, whose articles are the blocks.
        dictionaries: Side → ``sae/<reader>/seed-<n>``, for their decoder directions.
        embedding: ``labels/embedding``.
        widths: Width → side → ``features/`` and ``sae/`` of a further dictionary, for granularity.
        beside: Features of `compare`'s other sides: left_repeat (``features/<a>.repeat``), right_floor (``.random``) …

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        StaleArtifactError: The inputs are not of one corpus, or `out` was made with something else.
        ComparisonError: There is too little to compare.
    """
    directories = {"left": left, "right": right, **{name: path for name, path in beside.items() if path is not None}}
    own = {side: (path, (dictionaries or {}).get(side)) for side, path in directories.items()}
    directories |= {at(side, width): one[0] for width, rung in (widths or {}).items() for side, one in rung.items()}
    read = artifacts.require_manifest(corpus)
    manifests = {name: artifacts.require_manifest(path) for name, path in directories.items()}
    inputs = {name: manifest.fingerprint() for name, manifest in {"corpus": read, **manifests}.items()}
    if embedding is not None:
        inputs["embedding"] = artifacts.require_manifest(embedding).fingerprint()
    settings = {**config.model_dump(mode="json"), "models": list(names)}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    blocks = article_ids(corpus)
    activity = {name: _activity(path, manifests[name], (corpus, read), blocks) for name, path in directories.items()}
    context = with_models(read_context(corpus, embedding), directories, dictionaries or {})
    context = with_widths(context, corpus, own, widths or {}, activity=activity)
    comparison = compare(activity.pop("left"), activity.pop("right"), blocks, config, **activity, context=context)
    counts = {"passages": comparison.passages, "blocks": comparison.blocks, "classes": comparison.classes}
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=save(out, comparison, names))


def run_together(
    out: Path, config: ComparisonConfig, *, names: Mapping[str, str], pairs: Mapping[tuple[str, str], Path]
) -> None:
    """Make ``comparison/all``, unless it is there already.

    Args:
        out: The directory.
        config: The settings.
        names: Model → what to call it, in the study's order; three or more.
        pairs: (a, b) → ``comparison/<a>--<b>``, for every two models.

    Raises:
        MissingArtifactError: A comparison is not finished.
        StaleArtifactError: Two comparisons read different features of a model, or `out` was made from others.
        ComparisonError: There are fewer than three models.
    """
    if len(names) < 3:
        raise ComparisonError(f"{len(names)} models, expected three or more: two are a comparison of their own")
    manifests = {pair: artifacts.require_manifest(path) for pair, path in pairs.items()}
    inputs = {f"comparison/{a}--{b}": manifest.fingerprint() for (a, b), manifest in manifests.items()}
    settings = {"models": dict(names), "seed": config.seed}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    _check_one_study(pairs, manifests)
    read = {pair: (load_matches(path), load_summary(path)) for pair, path in pairs.items()}
    together = put_together(list(names), names, read, seed=config.seed)
    files = save_together(out, together)
    counts = {key: together.summary[key] for key in ("concepts", "normalised")}
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=files)


def _check_one_study(pairs: Mapping[tuple[str, str], Path], manifests: Mapping[tuple[str, str], Manifest]) -> None:
    """Every comparison must have read the same features of a model: they are matched by their numbers."""
    first: dict[str, tuple[Path, str]] = {}
    for pair, manifest in manifests.items():
        for model, side in zip(pair, ("left", "right"), strict=True):
            path, read = first.setdefault(model, (pairs[pair], manifest.inputs[side]))
            if read != manifest.inputs[side]:
                raise StaleArtifactError(
                    f"{path} and {pairs[pair]} were made from different features of {model}. Delete the older one and "
                    f'rerun "samedream comparison DIR"'
                )


def article_ids(corpus: Path) -> Any:
    """The article of each passage of a finished corpus, string ``[passages]``."""
    table = pq.read_table(artifacts.verify(corpus, PASSAGES), columns=["article_id"])
    return np.asarray(table["article_id"].to_pylist(), dtype=np.str_)


def _activity(directory: Path, manifest: Manifest, corpus: tuple[Path, Manifest], blocks: Any) -> Any:
    """Activity of one features directory, checked to be of the corpus' passages."""
    recorded = manifest.inputs.get("corpus")
    if recorded is not None and recorded != corpus[1].fingerprint():
        raise StaleArtifactError(
            f"{directory} was made from another corpus than {corpus[0]}: the passages differ. Delete {directory} and "
            f'rerun "samedream features DIR"'
        )
    activity = load_activity(directory)
    if activity.shape[0] != len(blocks):
        raise ComparisonError(
            f"{directory} has {activity.shape[0]} passages, {corpus[0]} has {len(blocks)}: they are not of one corpus. "
            f'Delete {directory} and rerun "samedream features DIR"'
        )
    return activity
