"""The plot that started it all: the mean activation of each dimension, one line per corpus or model."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from samedream.activations.store import ActivationStore
from samedream.artifacts import atomic_path
from samedream.errors import ComparisonError, MissingExtraError

_SAMPLE = 1000
_SEED = 0
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito: for all eyes
_NAMED = 3


def mean_activations(store: ActivationStore, layer: str | None = None) -> tuple[npt.NDArray[np.float64], int]:
    """Mean of each dimension over the rows of sampled passages.

    Args:
        store: A finished harvest.
        layer: One of its layers; the first by default.

    Returns:
        Means, float64 [d], and the number of passages sampled (at most 1,000, the same ones every time).
    """
    count = len(store.passage_ids)
    chosen = np.zeros(count, dtype=bool)
    chosen[np.random.default_rng(_SEED).permutation(count)[:_SAMPLE]] = True
    total, rows = np.zeros(store.layer_counts[store.layer_name(layer)].d_model), 0
    for shard in store.shards(layer):
        part = shard.vectors.numpy()[chosen[shard.passage]]
        total += part.sum(0, dtype=np.float64)
        rows += len(part)
    return total / max(rows, 1), int(chosen.sum())


def _pyplot() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise MissingExtraError(
            "the plot needs matplotlib, which is not installed; install it with \"pip install 'samedream[plots]'\""
        ) from error
    return matplotlib


def plot_mean_activations(
    stores: Mapping[str, ActivationStore | Path | str], path: Path | str, *, layer: str | None = None
) -> Path:
    """Draw the mean activation of each dimension, one line per harvest; models of another width get their own panel.

    Args:
        stores: What to call each harvest → the harvest or its directory.
        path: Picture to write; its suffix says the kind (.png, .svg, .pdf).
        layer: The layer to draw; by default each harvest's first.

    Returns:
        `path`. Equal harvests give equal bytes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        ComparisonError: There is nothing to draw.
        MissingArtifactError: A harvest has not finished.
    """
    matplotlib = _pyplot()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    if not stores:
        raise ComparisonError("nothing to draw: give at least one harvest")
    path = Path(path)
    panels: dict[int, list[tuple[str, npt.NDArray[np.float64]]]] = {}
    for label, given in stores.items():
        store = given if isinstance(given, ActivationStore) else ActivationStore.open(given)
        means, sampled = mean_activations(store, layer)
        panels.setdefault(len(means), []).append((f"{label} ({sampled:,} passages)", means))
    settings = {"svg.hashsalt": "samedream", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 10}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(11, 0.6 + 3.2 * len(panels)), layout="constrained")
        FigureCanvasAgg(figure)
        colours = iter(_COLOURS * len(stores))
        for axes, (width, lines) in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels.items(), strict=True):
            _panel(axes, width, [(label, means, next(colours)) for label, means in lines])
        figure.suptitle("Mean activation of each dimension", fontsize=13)
        with atomic_path(path) as temporary:
            kind = path.suffix.lstrip(".") or "png"
            figure.savefig(temporary, format=kind, dpi=150, metadata=_without_date(kind))
    return path


def _without_date(kind: str) -> dict[str, None] | None:
    return {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)


def _panel(axes: Any, width: int, lines: list[tuple[str, npt.NDArray[np.float64], str]]) -> None:
    """One panel: lines of one width; the largest dimensions are named, as they are what the eye goes to."""
    axes.axhline(0, color="#999999", linewidth=0.6)
    for label, means, colour in lines:
        axes.plot(np.arange(width), means, color=colour, linewidth=0.7, label=label)
    label, means, colour = max(lines, key=lambda line: float(np.abs(line[1]).max(initial=0)))
    for dimension in np.argsort(-np.abs(means), kind="stable")[:_NAMED]:
        up = means[dimension] >= 0
        axes.annotate(
            str(dimension),
            (dimension, means[dimension]),
            fontsize=8,
            color=colour,
            ha="center",
            va="bottom" if up else "top",
            xytext=(0, 2 if up else -2),
            textcoords="offset points",
        )
    axes.margins(x=0.01, y=0.12)
    axes.set_xlabel(f"dimension (of {width:,})")
    axes.set_ylabel("mean activation")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 1.12), ncols=3, fontsize=9)
