"""What two models' labels say of each other, beside the comparison: new labels do not make that stale.

``features`` puts the rows of ``matches.parquet`` and ``labels.parquet`` together. ``transfer``: does one model's label
predict the matched feature of the other on passages that no label was made from? (``reading``: how labels are read,
``measured``: both ways, its table and summary.) ``judge``: does a reader of passages alone pick a feature's match?

``written``: the comparison in words, section by section as in the write-up that started this, from figures alone
(``overlap``, ``style``, ``ending``); ``by_model``: the same by a language model (``excerpts`` are what it sees of
features). ``material`` is what it is made from, ``counting`` the arithmetic, ``claims`` what a sentence is.

Files in ``comparison/<a>--<b>/labelled/`` (see ``store``): ``transfer.parquet``, ``labelled.json``, ``judged.parquet``,
``judge.svg``, ``written.json`` and ``.md``, ``written-by-model.json`` and ``.md``, ``manifest.json``.
"""

DIRECTORY = "labelled"
