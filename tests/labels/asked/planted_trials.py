"""Passages of nonsense words, features that fire on one planted word each, and their trials."""

import numpy as np

from samedream.labels.scores.trials import GROUPS, OF_KIND, OF_STRATUM, Trials

WORDS = ["chess", "violin", "glacier", "senate"]
FILLER = "bam cel dif fon gul har jen kip lom mus nat pel rin sol tur vax".split()


def make_texts(n=400, seed=0):
    """Ten words a passage; every tenth passage has a planted word twice, at random places."""
    rng = np.random.default_rng(seed)
    texts = []
    for i in range(n):
        words = [*rng.choice(FILLER, 10)]
        if i % 2 == 0:
            word = WORDS[i // 2 % len(WORDS)]
            for place in rng.choice(10, 2, replace=False):
                words[place] = word
        texts.append(" ".join(words))
    return texts


def make_trials(texts, positives=OF_STRATUM, negatives=OF_KIND, seed=0):
    """Trials of every word's feature; the trap's passages have no trigger in this world."""
    rng = np.random.default_rng(seed)
    rows = []
    for feature, word in enumerate(WORDS):
        fires = rng.permutation([i for i, text in enumerate(texts) if word in text])
        silent = rng.permutation([i for i, text in enumerate(texts) if word not in text])
        for group in range(len(GROUPS)):
            of, size = (fires, positives) if group < 3 else (silent, negatives)
            for passage in of[(group % 3) * size : (group % 3 + 1) * size]:
                start = texts[passage].index(word) if group < 3 else -1
                end = start + len(word) if group < 3 else -1
                rows.append((feature, passage, group, float(group < 3), start, end))
    kinds = (np.int32, np.int64, np.int8, np.float32, np.int64, np.int64)
    columns = zip(*rows, strict=True) if rows else [()] * 6
    return Trials(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))
