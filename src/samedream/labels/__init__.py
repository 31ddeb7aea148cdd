"""Labels: what each feature seems to mean, from the words and articles that excite it.

For every feature, over its strongest passages of the *label* fold (never the *score* fold, which a later score needs
unseen):

1. The **trigger** of a passage is the whole word that holds the token with the highest activation; the **context** is
   all its words. Both are counted with the activation as weight.
2. **Keywords** by class-based TF-IDF (c-TF-IDF, Grootendorst 2022, arXiv:2203.05794, eq. 2) with the feature as the
   class: share of the term in the class × log(1 + A / f), once over triggers and once over contexts, added up.
3. **Topics** and **titles** of the articles, weighted in the same way.
4. The **kind** says what the evidence looks like: one word, a word family, punctuation, a place in the passage, a
   topic, dense, or mixed.

Then every label is scored on passages of the score fold (`scores`). No language model is asked, unless the user names
one (`llm`): see `language`.

Beside the models' labels lies `labels/embedding/`: every passage as a neutral sentence embedder sees it (`embedder`).

Files: `labels.parquet`, `trials.parquet`, `scores.json` (see `store`), `embedding/embedding.npy`, `manifest.json`.
"""
