"""Which features are active, in tensors whose shapes do not depend on the values.

torch's topk, sort and searchsorted answer on the device: none of them tells the host a size. What is chosen but not
positive stays in its place with value 0.
"""

from dataclasses import dataclass

import torch

from samedream.sae.variants.protocol import Rule


@dataclass(frozen=True, slots=True)
class Entries:
    """The chosen activations of a batch, row after row, features ascending within a row; n = rows * k of them.

    Attributes:
        rows: Row of each entry, int32 [n].
        features: Its feature, int32 [n].
        values: Its activation, at least 0, float32 [n].
        bounds: Where the entries of each nested dictionary begin in each row, and where the last one's end, int32
            [rows, nested + 1].
    """

    rows: torch.Tensor
    features: torch.Tensor
    values: torch.Tensor
    bounds: torch.Tensor


@dataclass(frozen=True, slots=True)
class FeatureMajor:
    """The same entries sorted by feature, rows ascending within a feature.

    Attributes:
        order: Which entry stands at each place, int32 [n]; entries of value 0 come last.
        begins: Where each feature's begin, and where the last one's end, int32 [features + 1].
        schedule: Features, those with most entries first, int32 [features]: the longest work must not come last.
    """

    order: torch.Tensor
    begins: torch.Tensor
    schedule: torch.Tensor

    @property
    def fired(self) -> torch.Tensor:
        """Features with an entry, bool [features]."""
        return self.begins.diff() > 0


def choose(pre: torch.Tensor, rule: Rule, k: int, *, nested: tuple[int, ...]) -> Entries:
    """The largest pre-activations.

    Equal values at the border are torch's choice. In bf16 they are common, and any of them will do.

    Args:
        pre: Pre-activations, bfloat16 or float32 [rows, features], contiguous.
        rule: "batch": the rows * k largest of the batch; "row": the k largest of each row.
        k: Features per row.
        nested: Where nested dictionaries end.
    """
    rows, width = pre.shape
    if rule == "batch":
        values, places = pre.view(-1).topk(rows * k, sorted=False)
        places, order = places.sort()
        values = values[order]
    else:
        values, found = pre.topk(k, dim=1, sorted=False)
        found, order = found.sort(dim=1)
        values = values.gather(1, order).view(-1)
        places = (found + torch.arange(rows, device=pre.device)[:, None] * width).view(-1)
    # a negative value becomes 0, NaN stays: it has to reach the loss
    values = values.float().clamp_min_(0.0)
    row = torch.arange(rows, device=pre.device)[:, None] * width
    ends = torch.cat([row, *(row + end for end in nested)], dim=1)
    return Entries(
        rows=(places // width).int(),
        features=(places % width).int(),
        values=values,
        bounds=torch.searchsorted(places, ends, out_int32=True),
    )


def by_feature(entries: Entries, width: int) -> FeatureMajor:
    """Sort entries by feature.

    Args:
        entries: Of a batch.
        width: Number of features.
    """
    features = torch.where(entries.values > 0, entries.features, width)
    features, order = features.sort(stable=True)
    numbers = torch.arange(width + 1, dtype=torch.int32, device=features.device)
    begins = torch.searchsorted(features, numbers, out_int32=True)
    schedule = begins.diff().argsort(descending=True, stable=True)
    return FeatureMajor(order.int(), begins, schedule.int())
