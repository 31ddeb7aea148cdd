"""Which fold an article is in: labels are made on one and scored on the other."""

import hashlib

from samedream.records import Fold

LABEL_SHARE = 0.6


def fold_of(article_id: str) -> Fold:
    """The fold of an article, by a hash of its id alone: the same in every corpus, sample and seed.

    60 % of the articles label, 40 % score.
    """
    digest = hashlib.blake2b(article_id.encode(), digest_size=8, person=b"samedream.fold").digest()
    return "label" if int.from_bytes(digest, "big") < LABEL_SHARE * 2.0**64 else "score"
