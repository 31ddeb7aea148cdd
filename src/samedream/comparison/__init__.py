"""Compares the dictionaries of two models through their activity on the same passages. Arrays only: no model.

The answer (docs/comparison.md; formulas in the modules named), put together by ``compare``:

1. ``activity``: check both sides, keep what is strong, ``u = log1p(a / theta)``, theta 20 % of the feature's maximum.
2. ``blocks``: articles, never passages, are the unit of chance. They are split in two halves and in 50 groups.
3. ``matching``: every feature's partner is the other side's feature of highest Pearson correlation on one half; its
   ``r`` is measured on the other half; then the halves swap roles, and ``r`` is the mean of both. ``candidates``,
   ``correlation`` and ``products`` are the arithmetic.
4. ``nulls``: the same with one side's articles shuffled gives the threshold ``tau`` and the p-value of every feature;
   with a random-init twin given, a feature must also beat what it finds in the twins (``decoys``). ``arena`` holds all
   sides, ``view`` is one direction with its tests.
5. ``estimates``: universality, floor, ceiling, normalised universality, with article-jackknife intervals;
   ``seeds``: how far another seed would move them; ``shared`` and ``kin``: the shared fraction. What the inputs cannot
   support is None.

Beside it, none of which changes the answer: measures of single pairs (``similarity``, ``meaning``, ``carry``), and a
folder for each part of ``summary.json``: ``structure``, ``sharing``, ``granularity``, ``dense``, ``crosscoder``; in
each the module of the same name is the way in. ``together`` makes ``comparison/all`` of the comparisons of every two.

``context`` is what is known beside activity; ``reading`` and ``granularity.widths`` fill it from a study; ``run`` and
``store`` read and write. Files: ``matches.parquet`` (``table``: every feature of both sides, dead and rare ones too),
``summary.json`` (with ``method`` and ``answer``), ``manifest.json``; in ``comparison/all``: ``concepts.parquet``,
``summary.json``, ``models.svg``, ``manifest.json``.
"""

from samedream.comparison.config import ComparisonConfig

__all__ = ["ComparisonConfig"]
