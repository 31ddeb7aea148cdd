"""What two models' labels say of each other, beside the comparison: new labels do not make that stale.

``features`` puts the rows of ``matches.parquet`` and ``labels.parquet`` together. ``written``: the comparison in words,
section by section as in the write-up that started this, from figures alone (``overlap``, ``style``, ``ending``);
``material`` is what it is made from, ``counting`` the arithmetic, ``claims`` what a sentence is.

``judge``: does a reader of passages alone pick a feature's match?

Files in ``comparison/<a>--<b>/labelled/``: ``written.json``, ``written.md``, ``manifest.json``.
"""
