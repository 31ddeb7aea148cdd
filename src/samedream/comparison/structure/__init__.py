"""`structure` in the summary: who is assigned to whom, and which features the other side has in several (protocol 3.3).

``structure`` is the way in. ``assignment``: one partner each. ``parts``: features that are split, explained by a few of
the other side's (``sparse_fit``); ``both_halves``: those whose parts are too rare for either half of the articles.
"""
