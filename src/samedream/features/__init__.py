"""Features: what excites each feature of a dictionary, and how much of it every passage holds.

One streaming pass over the shards of a model. Each block of whole passages is encoded, turned into its sparse firings
and forgotten; what stays in memory grows with the number of features, never with the text:

1. **activity**: for every passage and feature the maximum over the passage's tokens, and the character span of the
   token that has it. Appended to hidden files as the pass goes, assembled at the end.
2. **states**: the mean hidden state of each passage, for the dense measures of a comparison.
3. **statistics**: firing rate, token density, mean and maximum; a second, cheap pass over the sparse firings on disk
   gives the histogram, because its bins end at the maximum.
4. **exemplars** in four strata, so that a label cannot be fooled by the strongest passages alone: *top* (strongest),
   *middle* and *weak* (a seeded sample of the passages in a band of the feature's maximum) and *near miss* (highest
   pre-activation among passages where the feature does not fire). At most one passage per article in all of them.

Files: `features.parquet`, `exemplars.parquet`, `activity.npz`, `peaks.npz`, `states.npy`,
`manifest.json` (see `store`).
"""
