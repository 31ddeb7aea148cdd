"""Scores: does a label tell the passages on which its feature fires from those on which it is silent?

Only passages of the *score* fold are tried, and nothing of a label is made from those. Modules, in the order in which
they are used: `trials` and `traps` (which passages a label is tried on), `counting` and `readers` (the number that a
reader gives to a label and a passage), `shuffled` (whose labels are the control), `auc` and `scoring` (how well the
number tells positives from negatives, beside the control), `badges`, `judged` (all of it for every label), `directions`
(random directions, a control that goes through the whole of it).
"""
