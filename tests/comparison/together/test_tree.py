import numpy as np
import pytest
from scipy import stats

from samedream.comparison.together.tree import grow, standard_error

FOUR = ["a", "b", "c", "d"]
#  a and b at .2, c and d at .4, all others at .6
DISTANCE = np.array([[0, 0.2, 0.6, 0.6], [0.2, 0, 0.6, 0.6], [0.6, 0.6, 0, 0.4], [0.6, 0.6, 0.4, 0]])


def test_a_tree_worked_by_hand():
    tree = grow(FOUR, DISTANCE, np.zeros((4, 4)), seed=0)
    assert tree.newick == "((a:0.1000,b:0.1000)1.00:0.2000,(c:0.2000,d:0.2000)1.00:0.1000);"
    assert tree.leaves == ("a", "b", "c", "d")
    assert [(join.left, join.right, join.support) for join in tree.joins] == [
        (("a",), ("b",), 1.0),
        (("c",), ("d",), 1.0),
        (("a", "b"), ("c", "d"), None),
    ]
    assert [join.distance for join in tree.joins] == pytest.approx([0.2, 0.4, 0.6])


def test_average_linkage_takes_the_mean_and_names_are_quoted():
    distance = np.array([[0, 0.2, 0.5], [0.2, 0, 0.7], [0.5, 0.7, 0]])
    tree = grow(["my model", "it's", "gemma-3.1"], distance, np.zeros((3, 3)), seed=0)
    assert tree.joins[1].distance == pytest.approx(0.6)
    assert tree.newick == "(gemma-3.1:0.3000,('my model':0.1000,'it''s':0.1000)1.00:0.2000);"


def random_groups(rng, n):
    """A random tree: its groups of leaves with their heights, and the distances it gives."""
    parts, height, groups, distance = [[leaf] for leaf in range(n)], 0.0, set(), np.zeros((n, n))
    while len(parts) > 1:
        height += rng.uniform(0.05, 0.1)
        i, j = sorted(rng.choice(len(parts), size=2, replace=False).tolist())
        for one in parts[i]:
            for other in parts[j]:
                distance[one, other] = distance[other, one] = height
        parts[i] += parts.pop(j)
        groups.add(frozenset(parts[i]))
    return groups, distance


@pytest.mark.parametrize("seed", range(8))
def test_any_tree_is_recovered_from_its_distances_a_little_disturbed(seed):
    rng = np.random.default_rng(seed)
    n = 3 + seed
    groups, distance = random_groups(rng, n)
    noise = rng.normal(0, 0.002, size=(n, n))
    tree = grow([str(leaf) for leaf in range(n)], distance + (noise + noise.T) * (distance > 0), noise * 0, seed=0)
    assert {frozenset(int(name) for name in (*join.left, *join.right)) for join in tree.joins} == groups
    for join in tree.joins:  # groups of neighbours: branches need not cross
        at = [tree.leaves.index(name) for name in (*join.left, *join.right)]
        assert at == list(range(at[0], at[0] + len(at)))


def test_support_falls_with_the_error_to_what_chance_gives():
    three = DISTANCE[:3, :3]
    supports = [grow(FOUR[:3], three, np.full((3, 3), error), seed=1).joins[0].support for error in (0.01, 0.3, 1000.0)]
    assert supports[0] == 1.0
    assert 0.5 < supports[1] < 0.95
    assert supports[2] == pytest.approx(1 / 3, abs=0.25)  # distances cannot be negative: draws below 0 are ties
    assert grow(FOUR[:3], three, np.full((3, 3), 0.3), seed=1) == grow(FOUR[:3], three, np.full((3, 3), 0.3), seed=1)


def test_support_is_the_chance_that_a_pair_stays_nearest():
    """Two of three distances equal and far, one nearer by a standard error times 2: worked with a normal integral."""
    distance = np.array([[0, 5.0, 7.0], [5.0, 0, 7.0], [7.0, 7.0, 0]])
    support = grow(FOUR[:3], distance, np.ones((3, 3)), seed=3).joins[0].support
    x = np.linspace(-8, 8, 20001)
    truth = float(np.trapezoid(stats.norm.pdf(x) * stats.norm.sf(x - 2) ** 2, x))
    assert support == pytest.approx(truth, abs=0.04)


def test_the_standard_error_of_an_interval():
    assert standard_error(0.1, 0.1 + 2 * 1.959964 * 0.05, 0.95) == pytest.approx(0.05, abs=1e-6)
