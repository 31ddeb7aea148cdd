"""``comparison/all``: what three models and more have in common, from the comparisons of every two.

``together`` is the way in. ``models``: where features are found again; ``concepts``: cliques of mutual best pairs;
``tree``: how alike the models are; ``picture`` draws all three.
"""
