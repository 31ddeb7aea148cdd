"""Run what is measured of two models' labels → ``comparison/<a>--<b>/labelled/``, after the pair's comparison.

A directory of its own: labels made anew, or by a language model, do not make the comparison stale.
"""

from collections.abc import Mapping
from pathlib import Path

from samedream import artifacts
from samedream.comparison.config import ComparisonConfig
from samedream.comparison.labelled.features import SIDES, features
from samedream.comparison.labelled.material import Material
from samedream.comparison.labelled.store import save_written
from samedream.comparison.labelled.written import write
from samedream.comparison.store import load_matches, load_summary
from samedream.labels.store import load_labels

STAGE = "comparison"


def run(out: Path, config: ComparisonConfig, *, pair: Path, labels: tuple[Path, Path]) -> None:
    """Make ``comparison/<a>--<b>/labelled``, unless it is there already.

    Args:
        out: The directory.
        config: `seed` is used.
        pair: ``comparison/<a>--<b>``.
        labels: ``labels/<a>`` and ``labels/<b>``.

    Raises:
        MissingArtifactError: One of the inputs is not finished.
        StaleArtifactError: `out` was made with something else.
        ComparisonError: The labels are of another dictionary.
    """
    directories: Mapping[str, Path] = {"comparison": pair, **dict(zip(("left", "right"), labels, strict=True))}
    inputs = {name: artifacts.require_manifest(path).fingerprint() for name, path in directories.items()}
    settings = {"seed": config.seed}
    if artifacts.already_done(out, STAGE, settings, inputs):
        return
    summary = load_summary(pair)
    names = tuple(summary["models"])
    found = features(load_matches(pair), {side: load_labels(path) for side, path in zip(SIDES, labels, strict=True)})
    written = write(Material(names, summary, found, {}, config.seed))
    counts = {"claims": {section.key: len(section.claims) for section in written.sections}}
    artifacts.finish(out, STAGE, settings, inputs=inputs, counts=counts, files=save_written(out, written))
