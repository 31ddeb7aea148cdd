"""Everything a study found, on one self-contained page: two readers marking up the same passages.

What it does: reads a finished study directory and writes one HTML file that opens from disk, needs no network and no
JavaScript, and shows the verdict with its floor, ceiling and intervals, what became of every feature, matched pairs of
features (the best ones and a seeded random sample) with the same passages side by side, features only one model has,
the health of the dictionaries, and how it was all done.

How: ``reading`` reads the Parquet, JSON and sparse files; ``pairs`` and ``passages`` choose what is shown (pure
functions of the tables and a seed); ``marks`` turns character spans into marked-up text; ``words``, ``figures``,
``histogram`` and ``health`` compute titles and geometry; ``gather`` puts it together; ``page`` renders the templates.

Files it writes: ``report/index.html`` and ``report/manifest.json``. The same study gives the same bytes.
"""

from samedream.report.config import ReportConfig

__all__ = ["ReportConfig"]
