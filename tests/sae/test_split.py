"""Held-out rows and halves."""

import numpy as np
import pytest
import torch

from samedream.sae.scaling import measure
from samedream.sae.split import article_place, split_rows, split_vectors

ARTICLES = [f"en:{n}" for n in range(400)]


def test_an_article_lies_on_one_side_and_the_place_is_its_ids_alone():
    rows = np.repeat(np.arange(400), 5)
    splits = {part: split_rows(rows, ARTICLES, part) for part in ("all", "first half", "second half")}
    held = {part: set(rows[split.held_out]) for part, split in splits.items()}
    train = {part: set(rows[split.train]) for part, split in splits.items()}
    assert held["all"] == held["first half"] == held["second half"]
    assert held["all"] == {n for n in range(400) if article_place(ARTICLES[n]) < 0.1}
    assert 20 < len(held["all"]) < 60
    assert not train["first half"] & train["second half"]
    assert train["first half"] | train["second half"] == train["all"] == set(range(400)) - held["all"]
    assert 140 < len(train["first half"]) < 220
    assert len(splits["all"].train) + len(splits["all"].held_out) == 2000


def test_a_place_does_not_change():
    # written down once: another hash would move articles between the sides of existing studies
    assert article_place("en:12345") == pytest.approx(0.6535329715330821, abs=1e-12)


def test_few_articles_still_hold_one_out():
    articles = [name for name in ARTICLES if article_place(name) > 0.1][:3]
    split = split_rows(np.array([0, 0, 1, 2, 2]), articles, "all")
    lowest = min(range(3), key=lambda n: article_place(articles[n]))
    assert set(np.array([0, 0, 1, 2, 2])[split.held_out]) == {lowest}


def test_passages_of_one_article_stay_together():
    split = split_rows(np.arange(6), ["a", "a", "a", "b", "b", "b"], "all")
    assert sorted([split.train.tolist(), split.held_out.tolist()]) == [[0, 1, 2], [3, 4, 5]]


def test_bare_vectors():
    whole, first, second = (split_vectors(100, part) for part in ("all", "first half", "second half"))
    assert len(whole.held_out) == 10
    assert whole.held_out.tolist() == first.held_out.tolist() == second.held_out.tolist()
    assert sorted([*first.train, *second.train, *whole.held_out]) == list(range(100))
    assert sorted([*whole.train, *whole.held_out]) == list(range(100))


def test_scaled_rows_have_mean_0_and_mean_squared_norm_d():
    vectors = torch.randn(300, 8, generator=torch.Generator().manual_seed(0)) * 50 + 1000
    rows = np.arange(0, 300, 2)
    scaled = measure(vectors, rows).apply(vectors[rows])
    assert scaled.mean(0).abs().max() < 1e-4
    assert scaled.square().sum(1).mean().item() == pytest.approx(8, rel=1e-4)
