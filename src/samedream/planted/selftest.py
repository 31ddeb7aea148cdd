"""How well the instrument reads known truths on this machine: `samedream selftest`."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from scipy import sparse

from samedream import progress
from samedream.comparison.compare import Comparison, compare
from samedream.comparison.config import ComparisonConfig
from samedream.planted.activity import PlantedActivity, planted_activity
from samedream.planted.dictionaries import turned
from samedream.planted.states import planted_states
from samedream.planted.trials import WAYS, Reading, figures, read, split_rates, splits
from samedream.planted.world import Index
from samedream.records import Interval

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
PERMUTATIONS = 30  # a third of what a study takes: the shared fraction does not depend on them
FDR_MARK = 0.07  # the test's q of .05, and .02


class Check(msgspec.Struct, frozen=True):
    """One line of the self-test.

    Attributes:
        name: What was measured.
        value: What came out.
        expected: What it must be, in words.
        holds: Whether it is.
    """

    name: str
    value: float
    expected: str
    holds: bool

    def row(self) -> dict[str, str]:
        """The line as cells of a table."""
        cells = {"truth": self.name, "read": f"{self.value:.3f}", "expected": self.expected}
        return {**cells, "": "holds" if self.holds else "MISSED"}


@dataclass(frozen=True)
class Size:
    """How large planted pairs are."""

    left: int = 512
    right: int = 1024
    passages: int = 5000


def selftest(draws: int, seed: int = 0, size: Size = Size()) -> list[Check]:
    """Read planted pairs and known answers.

    Args:
        draws: Planted pairs for each shared fraction.
        seed: Of the first; the others count up from it.
        size: Of each.
    """
    config = ComparisonConfig(dense=False)
    checks = list(planted_checks(planted_readings(draws, seed, size=size)))
    checks += split_checks(planted_splits(draws, seed, size=size))
    with progress.step("reading known answers"), progress.quiet():
        return [*checks, *known_answers(seed, size, config=config)]


def planted_readings(draws: int, seed: int, *, size: Size) -> dict[float, list[Reading]]:
    """Readings of planted pairs, by the share of left's concepts that right has."""
    found: dict[float, list[Reading]] = {share: [] for share in SHARES}
    with progress.step("reading planted pairs", draws * len(SHARES), "pairs") as shown:
        for share in SHARES:
            for draw in range(draws):
                pair = _pair(share, seed + draw, size)
                with progress.quiet():
                    found[share] += read(pair, _settings(seed + draw))[1]
                shown.advance()
    return found


def planted_checks(readings: dict[float, list[Reading]]) -> Iterator[Check]:
    """The marks of the shared fraction and the test, for each planted share."""
    for share, found in readings.items():
        measured, where = figures(found), f"{share:.0%} planted: "
        yield Check(f"{where}mean error", measured.error, "at most .05", measured.error <= 0.05)
        yield Check(f"{where}errors of at most .1", measured.within, "at least .95", measured.within >= 0.95)
        yield Check(f"{where}intervals that hold the truth", measured.coverage, "at least .9", measured.coverage >= 0.9)
        yield Check(f"{where}false discoveries", measured.fdr, f"at most {FDR_MARK}", measured.fdr <= FDR_MARK)


def planted_splits(draws: int, seed: int, *, size: Size) -> dict[str, float]:
    """Precision and recall of planted splits, a tenth of left's features, over pairs that share half."""
    found = []
    with progress.step("reading planted splits", draws, "pairs") as shown:
        for draw in range(draws):
            pair = planted_activity(
                0.5, left=size.left, right=size.right, passages=size.passages, splits=size.left // 10, seed=seed + draw
            )
            with progress.quiet():
                found.append(splits(pair, read(pair, _settings(seed + draw))[0].matches))
            shown.advance()
    return split_rates(found)


def split_checks(rates: dict[str, float]) -> Iterator[Check]:
    """The marks of planted splits."""
    for name, rate in rates.items():
        yield Check(f"planted {name.replace('_', ', ')}", rate, "at least .8", rate >= 0.8)


def known_answers(seed: int, size: Size, *, config: ComparisonConfig) -> Iterator[Check]:
    """Comparisons whose answer is known without any planting."""
    rng = np.random.default_rng([seed, 4740])
    pair = _pair(0.5, seed, size)
    gain = sparse.diags_array(np.float32(2.0) ** rng.integers(-9, 10, size=size.left))
    same = sparse.csr_array((pair.left @ gain)[:, rng.permutation(size.left)])
    universality = _universality(compare(pair.left, same, pair.blocks, config))
    yield Check("a dictionary against itself, permuted and rescaled", universality, "1.000", universality >= 0.9995)
    moved = _articles_moved(pair.blocks, rng)
    shuffled = compare(pair.left, pair.right[moved], pair.blocks, config)
    low = max(getattr(shuffled.universality, way).low for way in WAYS)
    yield Check("shuffled articles: universality", _universality(shuffled), "0 within its interval", low <= 0.0)
    twin = compare(
        pair.left, pair.left_floor, pair.blocks, config, left_repeat=pair.left_repeat, right_floor=pair.right_floor
    ).shared_fraction.a_to_b
    yield _zero("a random twin as the other model: shared fraction", twin)
    again = planted_activity(1.0, left=size.left, right=size.left, passages=size.passages, seed=seed)
    ceiling = compare(again.left, again.right, again.blocks, config, **again.beside()).normalised
    ways = [getattr(ceiling, way) for way in WAYS]
    value = np.nan if None in ways else float(np.mean([way.value for way in ways]))
    yield Check("one model's concepts under another seed: normalised", value, ".9 to 1.1", 0.9 <= value <= 1.1)
    strangers = _pair(0.0, seed, size)
    found = compare(strangers.left, strangers.right, strangers.blocks, config, **strangers.beside())
    yield _zero("tokens alone in common, as two random twins have: shared fraction", found.shared_fraction.a_to_b)
    yield _rotated(seed, config)


def _zero(name: str, found: Interval | None) -> Check:
    """Whether the interval holds 0; a figure that was withheld does not."""
    value, low = (np.nan, np.nan) if found is None else (found.value, found.low)
    return Check(name, value, "0 within its interval", low <= 0.0)


def _rotated(seed: int, config: ComparisonConfig) -> Check:
    pair = planted_states(0.5, left=96, right=96, passages=2000, seed=seed)
    plain, moved = turned(pair.models["left"], pair.blocks.size, seed=seed)
    universality = _universality(compare(plain, moved, pair.blocks, config))
    return Check("hidden states and their dictionary rotated", universality, "1.000", universality >= 0.9995)


def _settings(seed: int) -> ComparisonConfig:
    return ComparisonConfig(seed=seed, permutations=PERMUTATIONS, dense=False)


def _pair(share: float, seed: int, size: Size) -> PlantedActivity:
    return planted_activity(share, left=size.left, right=size.right, passages=size.passages, seed=seed)


def _universality(found: Comparison) -> float:
    """The lower of the two directions."""
    return min(float(getattr(found.universality, way).value) for way in WAYS)


def _articles_moved(blocks: Index, rng: np.random.Generator) -> Index:
    """Passages in another order, each article whole."""
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    parts = np.split(np.arange(blocks.size), starts[1:])
    return np.concatenate([parts[article] for article in rng.permutation(len(parts))])
