"""Compares the dictionaries of two models through their activity on the same passages. Arrays only: no model.

The algorithm (docs/comparison.md; formulas in the modules named):

1. ``activity``: check both sides, keep what is strong, ``u = log1p(a / theta)``, theta 20 % of the feature's maximum.
2. ``blocks``: articles, never passages, are the unit of chance. They are split in two halves and in 50 groups.
3. ``matching``: every feature's partner is the other side's feature of highest Pearson correlation on one half; its
   ``r`` is measured on the other half; then the halves swap roles, and ``r`` is the mean of both. ``correlation`` and
   ``products`` are the arithmetic, ``similarity`` holds the measures beside r.
4. ``nulls``: the same with one side's articles shuffled gives the threshold ``tau`` and the p-value of every feature;
   with a random-init twin given, a feature must also beat what features reach against the twin.
5. ``estimates``: universality, floor, ceiling, normalised universality and shared fraction, with article-jackknife
   intervals; ``granularity``: which side cuts finer; ``structure``: a one-to-one ``assignment``, and ``parts``,
   features that the other side has in several. What the inputs cannot support is None.
6. ``dense``: the two spaces as a whole, without matching features (``grams``, ``pairwise``, ``neighbours``,
   ``subspaces``, ``calibration``); ``carry``: whether features point where their partners point.
7. ``together`` (three models and more): ``models`` counts where features are found, ``concepts`` are cliques of mutual
   best pairs, ``tree`` says how alike the models are.

Files written by ``run``: ``matches.parquet`` (every feature of both sides, dead and rare ones too, with its class),
``summary.json``, ``manifest.json``; by ``run_together`` in ``comparison/all``: ``concepts.parquet``, ``summary.json``,
``models.svg``, ``manifest.json``.
"""

from samedream.comparison.config import ComparisonConfig

__all__ = ["ComparisonConfig"]
