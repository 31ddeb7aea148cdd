"""`dense` in the summary: are the two spaces alike as a whole? Without a single partner (protocol 3.8).

``dense`` is the way in. ``grams``: a side as a Gram matrix of its passages, and its principal components. ``pairwise``
(CKA, RSA), ``neighbours`` and ``subspaces`` (Procrustes, CCA, ridge) are the measures, ``calibration`` holds them
against shuffled articles.
"""
