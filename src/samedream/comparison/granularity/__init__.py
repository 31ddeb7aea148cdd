"""`granularity` in the summary: whose features are narrower, over several widths of dictionary (protocol 3.5).

``granularity`` is the way in, and gives the verdict. ``widths`` and ``peaks`` read a study. ``breadth`` (and
``spread``): what each feature covers; ``splits``: features inside other features; ``curves``: one width's figures.
"""
