"""Scores: does a label tell the passages on which its feature fires from those on which it is silent?

Only passages of the *score* fold are tried, and nothing of a label is made from those. Modules, in the order in which
they are used: `trials` (which passages a feature's label is tried on).
"""
