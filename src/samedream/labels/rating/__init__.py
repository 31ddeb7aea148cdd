"""Blind ratings of labels by people, and how far the automatic scores agree with them.

``items`` chooses what is shown: a label with passages of the score fold, peaks marked; no model's name, no score. Every
fifth item, about, carries the label of another feature: what a rater says of those is the control. ``session`` asks in
the terminal. ``records`` keeps the answers in ``labels/ratings.jsonl``, one line each, written at once: whoever else
asks (another page, another tool) appends the same lines. ``agreement`` holds them against the scores (Cohen's kappa).
"""
