"""From the runs of `benchmarks.sae` to marks and rows of the table: arithmetic only.

Curves of one trainer, setting and width are averaged over seeds. A moment counts as comparable when its L0 is at most
5 % above k: a dictionary whose threshold has not formed yet lights hundreds of features and explains more with them.
"""

import json
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEY = "sae.side_by_side"
NAMES = {
    "ours": "samedream",
    "sparsify": "sparsify",
    "dictionary_learning": "dictionary_learning",
    "saelens": "SAELens",
    "hypothesaes": "HypotheSAEs",
}
PEERS = tuple(name for name in NAMES if name != "ours")
TIME_MARKS = {"sparsify": 0.5, "hypothesaes": 0.5, "dictionary_learning": 0.1, "saelens": 0.1}
NEVER = 999.0  # written for a ratio of times when our run ended below the peer's best
SMALL, LARGE = 2560, 10240
TIMED = {SMALL: 1024, LARGE: 2048}  # the batch of the quality runs, for each width
_SLACK = 1.05

Point = dict[str, float]
Case = tuple[str, str, int]
"""(trainer, setting, features)."""


@dataclass(frozen=True)
class Found:
    """What the runs left.

    Attributes:
        quality: The results of every finished quality run.
        rounds: Timings, one entry per round and shape.
        memory: Results of the memory runs.
    """

    quality: Sequence[Mapping[str, Any]]
    rounds: Sequence[Mapping[str, Any]]
    memory: Sequence[Mapping[str, Any]]

    def cases(self) -> dict[Case, list[Mapping[str, Any]]]:
        """Quality results by case, seeds in order."""
        grouped: dict[Case, list[Mapping[str, Any]]] = defaultdict(list)
        for result in sorted(self.quality, key=lambda result: result["seed"]):
            grouped[result["trainer"], result["setting"], result["features"]].append(result)
        return dict(grouped)


@dataclass(frozen=True)
class Mark:
    """One figure for results.json; whether it holds is computed there."""

    key: str
    value: float
    unit: str
    mark: str


def load(runs: Path) -> Found:
    """Read what is there under `runs`."""

    def every(folder: str) -> list[Any]:
        return [json.loads(path.read_text()) for path in sorted((runs / folder).glob("*.json"))]

    timed = runs / "speed.json"
    return Found(every("quality"), json.loads(timed.read_text())["rounds"] if timed.exists() else [], every("memory"))


def mean_curve(results: Iterable[Mapping[str, Any]]) -> list[Point]:
    """The mean over seeds at each moment; all seeds have the same moments."""
    curves = [result["curve"] for result in results]
    return [
        {key: statistics.fmean(point[key] for point in points) for key in points[0]}
        for points in zip(*curves, strict=True)
    ]


def comparable(curve: Iterable[Point], k: int = 32) -> list[Point]:
    """Moments whose L0 is at most 5 % above k."""
    return [point for point in curve if point["l0"] <= _SLACK * k]


def best(curve: Iterable[Point]) -> Point | None:
    """The comparable moment that explains most."""
    return max(comparable(curve), key=lambda point: point["variance_explained"], default=None)


def vectors_needed(curve: Sequence[Point], target: float) -> float | None:
    """Vectors seen when the curve first reaches `target`: linear between moments, the first moment where it is above.

    Returns:
        None where it never does.
    """
    before: Point | None = None
    for point in comparable(curve):
        if point["variance_explained"] >= target:
            if before is None:
                return point["vectors"]
            rise = point["variance_explained"] - before["variance_explained"]
            share = (target - before["variance_explained"]) / rise
            return before["vectors"] + share * (point["vectors"] - before["vectors"])
        before = point
    return None


def ratio(found: Found, features: int, batch: int, peers: Sequence[str] = PEERS) -> float | None:
    """Our vectors/s over those of the fastest of `peers`: the median over rounds of each round's ratio."""
    here = [entry for entry in found.rounds if (entry["features"], entry["batch"]) == (features, batch)]
    return statistics.median(entry["ours"] / max(entry[name] for name in peers) for entry in here) if here else None


def pace(found: Found, trainer: str, features: int) -> float | None:
    """Vectors/s at the batch of the quality runs, the median over rounds."""
    shape = (features, TIMED[features])
    rates = [entry[trainer] for entry in found.rounds if (entry["features"], entry["batch"]) == shape]
    return statistics.median(rates) if rates else None


def best_of_peer(found: Found, peer: str, features: int = SMALL) -> Point | None:
    """The best comparable moment over the peer's settings."""
    moments = [
        best(mean_curve(results))
        for (name, _, width), results in found.cases().items()
        if name == peer and width == features
    ]
    return max((point for point in moments if point), key=lambda point: point["variance_explained"], default=None)


def time_ratio(found: Found, peer: str) -> float | None:
    """Our time to the peer's own best variance explained over the peer's time to it; NEVER where we do not reach it."""
    target, mine = best_of_peer(found, peer), found.cases().get(("ours", "default", SMALL))
    our_pace, their_pace = pace(found, "ours", SMALL), pace(found, peer, SMALL)
    if target is None or mine is None or our_pace is None or their_pace is None:
        return None
    needed = vectors_needed(mean_curve(mine), target["variance_explained"])
    return NEVER if needed is None else (needed / our_pace) / (target["vectors"] / their_pace)


def lead(found: Found, features: int) -> list[tuple[float, float]]:
    """(vectors seen, our variance explained minus the best comparable peer's) at every moment both have."""
    mine = found.cases().get(("ours", "default", features))
    theirs: dict[float, float] = {}
    for (name, _, width), results in found.cases().items():
        if name != "ours" and width == features:
            for point in comparable(mean_curve(results)):
                seen = theirs.get(point["vectors"], float("-inf"))
                theirs[point["vectors"]] = max(seen, point["variance_explained"])
    points = comparable(mean_curve(mine)) if mine else []
    return [
        (point["vectors"], point["variance_explained"] - theirs[point["vectors"]])
        for point in points
        if point["vectors"] in theirs
    ]


def memory_ratio(result: Mapping[str, Any]) -> float:
    """Memory that training took over what it has to hold (weights, optimiser, one buffer)."""
    return float((result["peak_bytes"] - result["before_bytes"]) / sum(result["parts"].values()))


def marks(found: Found) -> Iterator[Mark]:
    """Every mark of the benchmark whose runs are there."""
    small = [value for batch in (1024, 2048) if (value := ratio(found, SMALL, batch)) is not None]
    lens = [value for batch in (1024, 2048) if (value := ratio(found, SMALL, batch, ["saelens"])) is not None]
    if small:
        yield Mark("sae.cpu_ratio_to_fastest_peer_f2560", min(small), "ratio", ">= 4")
        yield Mark("sae.cpu_ratio_to_saelens_f2560", min(lens), "ratio", ">= 12")
    if (large := ratio(found, LARGE, 2048)) is not None:
        yield Mark("sae.cpu_ratio_to_fastest_peer_f10240", large, "ratio", ">= 2.5")
    for width in (SMALL, LARGE):
        if along := lead(found, width):
            key = f"sae.variance_explained_minus_best_peer_f{width}"
            yield Mark(key, along[-1][1], "share of variance", ">= 0")
    for peer, bound in TIME_MARKS.items():
        if (value := time_ratio(found, peer)) is not None:
            yield Mark(f"sae.time_to_best_of_{peer}", value, "ratio", f"<= {bound}")
    if mine := found.cases().get(("ours", "default", SMALL)):
        dead = max(result["curve"][-1]["dead_wide"] for result in mine)
        yield Mark("sae.dead_share_f2560", dead, "share of features", "<= 0.02")
    if held := [memory_ratio(result) for result in found.memory if result["parts"]]:
        yield Mark("sae.memory_ratio", max(held), "ratio", "<= 1.3")


def notes(found: Found) -> dict[str, float]:
    """Figures without a mark that the table's text needs."""
    written: dict[str, float] = {}
    for features, batch in sorted({(entry["features"], entry["batch"]) for entry in found.rounds}):
        here = [entry for entry in found.rounds if (entry["features"], entry["batch"]) == (features, batch)]
        product = statistics.median(entry["product_seconds"] for entry in here)
        share = statistics.median(entry["product_seconds"] * entry["ours"] / batch for entry in here)
        written[f"encoder_gflops_f{features}_b{batch}"] = round(2 * batch * 640 * features / product / 1e9, 1)
        written[f"encoder_share_f{features}_b{batch}"] = round(share, 3)
    for width in (SMALL, LARGE):
        if along := lead(found, width):
            vectors, value = min(along, key=lambda pair: pair[1])
            written[f"smallest_lead_f{width}"] = round(value, 4)
            written[f"smallest_lead_f{width}_at_vectors"] = vectors
    return written


def table_rows(found: Found) -> list[dict[str, Any]]:
    """One row per trainer, setting and width, in the order of NAMES; rounded here so that README and JSON agree."""
    peaks = {(result["trainer"], result["features"], result["batch"]): result["peak_bytes"] for result in found.memory}
    rows = []
    for (trainer, setting, features), results in found.cases().items():
        values = [result["curve"][-1]["variance_explained"] for result in results]
        last, speed = mean_curve(results)[-1], pace(found, trainer, features)
        peak = peaks.get((trainer, features, TIMED[features]))
        rows.append({
            "trainer": trainer,
            "version": results[0]["version"],
            "setting": setting,
            "features": features,
            "vectors": int(last["vectors"]),
            "seeds": len(results),
            "variance_explained": round(statistics.fmean(values), 4),
            "lowest": round(min(values), 4),
            "highest": round(max(values), 4),
            "l0": round(last["l0"], 1),
            "dead_held_out": round(last["dead_held_out"], 4),
            "dead_wide": round(last["dead_wide"], 4),
            "vectors_per_second": round(speed) if speed else None,
            "peak_gb": round(peak / 1e9, 2) if peak else None,
        })  # fmt: skip
    order, settings = list(NAMES), ["default", "stock", "mended", "centred", "tuned"]
    rows.sort(key=lambda row: (row["features"], order.index(row["trainer"]), settings.index(row["setting"])))
    return rows
