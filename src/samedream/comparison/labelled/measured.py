"""Label transfer both ways, by every way to read a label: the table of all features and its summary."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from samedream.comparison.labelled.features import MATCHED, SIDES, Feature
from samedream.comparison.labelled.reading import Reader
from samedream.comparison.labelled.transfer import OWN, SHUFFLED, TRANSFERRED, Side, summarise, transfer
from samedream.labels.scores.trials import Trials

WAYS = {"a_to_b": ("a", "b"), "b_to_a": ("b", "a")}
"""Direction → whose labels, and whose features they are tried on."""
NOTE = (
    "AUC of labels on the trials of the other model's matched features: passages that no label was made from. own: the "
    "feature's own label (ceiling); transferred: the label of its match; shuffled: labels of matches of other features "
    "that fire as often (floor); kept: (transferred - shuffled) / (own - shuffled). Features of class 'only here' and "
    "'unstable' have no match: theirs is the label of the nearest feature. Intervals: bootstrap over features."
)


def measure(
    features: Mapping[str, Sequence[Feature]],
    trials: Mapping[str, Trials],
    readers: Mapping[str, Mapping[str, Reader]],
    seed: int,
) -> tuple[pa.Table, dict[str, Any]]:
    """Label transfer.

    Args:
        features: Side → its features.
        trials: Side → trials of its features.
        readers: Reader → side → how its labels are read.
        seed: Of the shuffles and the bootstrap.

    Returns:
        A row for each feature of both sides (null where it could not be judged), and direction → reader → means.
    """
    tables = {}
    summary: dict[str, Any] = {way: {} for way in WAYS}
    for way, (here, there) in WAYS.items():
        tried = features[there]
        kinds = [one.kind_of_match for one in tried]
        partner = np.array([-1 if one.partner is None else one.partner for one in tried], dtype=np.int64)
        columns: dict[str, Any] = {
            "side": [there] * len(tried),
            "feature": pa.array([one.number for one in tried], pa.int32()),
            "partner": pa.array([one.partner for one in tried], pa.int32()),
            "class": kinds,
        }
        for name, read in readers.items():
            side = Side(
                trials=trials[there],
                partner=partner,
                fired=np.array([one.firing_rate for one in tried]),
                labelled=read[there].labelled,
                partner_labelled=(partner >= 0) & read[here].labelled[np.maximum(partner, 0)],
            )
            found = transfer(side, read[there].fit, read[here].fit, seed)
            for what in (OWN, TRANSFERRED, SHUFFLED):
                columns[f"{name.replace(' ', '_')}_{what}"] = pa.array(found[what], pa.float32(), from_pandas=True)
            summary[way][name] = summarise(found, kinds, MATCHED, seed)
        tables[there] = pa.table(columns)
    return pa.concat_tables([tables[side] for side in SIDES]), {**summary, "note": NOTE}
