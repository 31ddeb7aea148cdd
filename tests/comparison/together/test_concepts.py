from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from samedream.comparison.together.concepts import concept_figures, concept_table, find_concepts
from samedream.comparison.together.models import Way, spreads

WIDTH = 4


def ways_from(models, links, width=WIDTH):
    """`links`: {(model, feature), (model, feature)}: r. All other features have no partner."""
    found = {}
    for one in models:
        for other in models:
            if one != other:
                partner, r = np.full(width, -1), np.full(width, np.nan)
                for pair, value in links.items():
                    ends = dict(pair)
                    if one in ends and other in ends:
                        partner[ends[one]], r[ends[one]] = ends[other], value
                on = partner >= 0
                found[one, other] = Way(partner, r, passes=on, linked=on, eligible=np.ones(width, bool), again=on)
    return found


def link(one, other):
    return frozenset([one, other])


A0, B0, C0, A1, B1, C1 = ("a", 0), ("b", 0), ("c", 0), ("a", 1), ("b", 1), ("c", 1)


def test_three_mutual_pairs_are_one_concept_and_a_chain_is_its_strongest_link():
    models = ["a", "b", "c"]
    links = {
        link(A0, B0): 0.9, link(A0, C0): 0.5, link(B0, C0): 0.8,  # closed
        link(A1, B1): 0.6, link(B1, C1): 0.7,  # a1 and c1 do not choose each other
    }  # fmt: skip
    concepts = find_concepts(models, ways_from(models, links))
    assert concepts.members == [((0, 0), (1, 0), (2, 0)), ((1, 1), (2, 1))]
    # links meet in a0, b0, c0 (all three closed) and in b1 (open)
    assert concept_figures(models, concepts) == {
        "count": 2,
        "in_all": 1,
        "by_models": [{"models": ["a", "b", "c"], "count": 1}, {"models": ["b", "c"], "count": 1}],
        "links": 5,
        "links_left_out": 1,
        "closure": 3 / 4,
    }


def test_a_ring_that_comes_back_to_another_feature_is_no_concept_of_all():
    """a0 - b0 - c0 - a1: one connected component with two features of a."""
    models = ["a", "b", "c"]
    links = {link(A0, B0): 0.5, link(B0, C0): 0.4, link(C0, A1): 0.6}
    concepts = find_concepts(models, ways_from(models, links))
    assert concepts.members == [((0, 1), (2, 0)), ((0, 0), (1, 0))]  # c0 is taken by the stronger link
    assert concept_figures(models, concepts)["closure"] == 0.0


def test_a_one_way_match_is_no_link():
    models = ["a", "b", "c"]
    found = ways_from(models, {link(A0, B0): 0.5})
    found["b", "a"].linked[0] = False
    assert find_concepts(models, found).members == []
    assert concept_figures(models, find_concepts(models, found))["closure"] is None


def test_the_table_has_a_row_for_each_member():
    models = ["a", "b", "c"]
    found = ways_from(models, {link(A0, B1): 0.9, link(C0, A0): 0.5, link(B1, C0): 0.8})
    found["b", "c"].r[1] = 0.7  # the two directions of a pair differ a little
    table = concept_table(models, find_concepts(models, found), found=found, spread=spreads(models, found))
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert table.column_names == ["concept", "models", "model", "feature", "stable", "r_min", "r_a", "r_b", "r_c"]
    assert rows == [
        (0, 3, "a", 0, True, 0.5, None, 0.9, 0.5),
        (0, 3, "b", 1, True, 0.5, 0.9, None, 0.7),
        (0, 3, "c", 0, True, 0.5, 0.5, 0.8, None),
    ]
    empty = concept_table(models, find_concepts(models, ways_from(models, {})), found=found, spread={})
    assert (empty.num_rows, empty.schema) == (0, table.schema)


@st.composite
def random_links(draw):
    """Between every two models some features are matched one to one."""
    models = ["a", "b", "c", "d"][: draw(st.integers(3, 4))]
    links = {}
    for one, other in combinations(models, 2):
        partners = draw(st.permutations(range(WIDTH)))
        for feature, partner in enumerate(partners):
            if draw(st.booleans()):
                links[link((one, feature), (other, partner))] = draw(st.integers(1, 9)) / 10
    return models, links


@settings(max_examples=150, deadline=None)
@given(random_links())
def test_concepts_are_disjoint_cliques_the_largest_first_and_no_link_is_left_between_free_features(drawn):
    models, links = drawn
    concepts = find_concepts(models, ways_from(models, links))
    linked = {frozenset((models.index(m), f) for m, f in pair) for pair in links}
    taken = [node for clique in concepts.members for node in clique]
    assert len(taken) == len(set(taken))
    for clique in concepts.members:
        assert all(frozenset(pair) in linked for pair in combinations(clique, 2))
        assert len({model for model, _ in clique}) == len(clique) >= 2
    assert not any(pair.isdisjoint(taken) for pair in linked)
    # slow reference: all sets of nodes in which every two are linked
    nodes = sorted({node for pair in linked for node in pair})
    cliques = [
        some
        for size in range(2, len(models) + 1)
        for some in combinations(nodes, size)
        if all(frozenset(pair) in linked for pair in combinations(some, 2))
    ]
    assert max(map(len, cliques), default=0) == max(map(len, concepts.members), default=0)
    of_all = [some for some in cliques if len(some) == len(models)]  # these share no feature, so none loses to another
    assert concept_figures(models, concepts)["in_all"] == len(of_all)


def test_the_order_of_models_changes_no_concept():
    rng = np.random.default_rng(5)
    models = ["a", "b", "c", "d"]
    links = {}
    for one, other in combinations(models, 2):
        for feature, partner in enumerate(rng.permutation(WIDTH).tolist()):
            links[link((one, feature), (other, partner))] = float(rng.random())
    found = ways_from(models, links)

    def named(order):
        return {frozenset((order[m], f) for m, f in clique) for clique in find_concepts(order, found).members}

    assert named(models) == named(["d", "b", "a", "c"])
    assert len(named(models)) >= 4
