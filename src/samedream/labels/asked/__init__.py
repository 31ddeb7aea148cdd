"""Scores of labels by a language model, on the held-out trials that the offline scores use.

Three tasks, each a few questions a feature (`batches`, `prompts`), answered by whatever an `Ask` stands for:

- **detection**: which of these passages does the label fit? Half of them excite the feature.
- **fuzzing**: are the marked words the ones that the label is about? In half of the passages the mark stands elsewhere.
- **intruder**: no label; which passage does not belong? Four excite the feature, one does not.

`asked` is the way in. An answer that failed is counted and left out, never guessed.
"""
