"""The page’s words, in plain sentences: shown where a word is first used, and listed at the end."""

GLOSSARY = {
    "passage": ("A piece of text, about two sentences long. Every model reads the very same ones."),
    "dictionary": (
        "A sparse autoencoder (SAE): a second, small network that writes each hidden state of a model as a sum of a "
        "few features out of thousands."
    ),
    "feature": (
        "One thing a model’s dictionary has learned to notice, such as chess, or years in brackets: a direction in "
        "the model’s hidden states, known by the passages that excite it."
    ),
    "strength": ("How strongly a word excites a feature (activation), against the strongest this feature ever got."),
    "match": (
        "How alike two features are: the correlation r of how strongly they fire, passage by passage. 1 means they "
        "rise and fall together, 0 that they have nothing to do with each other. The partner is chosen on half of the"
        " articles and r is measured on the other half, so luck in choosing does not count."
    ),
    "chance": (
        "The strongest match to be expected by luck alone: what is found when one model’s articles are shuffled "
        "(threshold of the block-permutation null)."
    ),
    "match strength": (
        "The match r less what chance reaches for features that fire as often, scaled so that 0 is chance and 1 is "
        "perfect, averaged over all features that fire often enough to be judged (universality)."
    ),
    "floor": (
        "The match strength found with a random twin: the same architecture and tokenizer, never trained. What a "
        "random twin can do is no sign of anything learned."
    ),
    "ceiling": (
        "The match strength of a model with itself, its dictionary trained a second time from other random numbers. "
        "No other model can be expected to do better."
    ),
    "share of the way": (
        "Where the match strength lies between floor (0 %) and ceiling (100 %) (normalised universality)."
    ),
    "shared fraction": (
        "An estimate of how many of a model’s stable features the other one has too: the share that is matched well, "
        "corrected for how well features match that are not shared (as in a random twin, or as other features of the "
        "same topic do, whichever is better) and for what the model fails to find in itself."
    ),
    "interval": (
        "How far a figure could be off because these articles were read and not others (95 % confidence). Where both "
        "models were trained again, those of match strength and share of the way also hold what another dictionary "
        "would change, roughly. None covers other training runs of the models."
    ),
    "trained again": ("The same model with a second dictionary, trained from other random numbers (the repeat)."),
    "random twin": ("The same architecture and tokenizer with fresh random weights: a model that never read anything."),
    "badge": (
        "How far a label can be trusted on passages that it was not made from: strong, fair, weak, or none, by the "
        "lower end of its lead over other features’ labels on the same passages."
    ),
    "health": ("Signs that a dictionary is good enough to speak for its model."),
}
