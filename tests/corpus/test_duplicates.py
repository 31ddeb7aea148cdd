from hypothesis import given
from hypothesis import strategies as st

from samedream.corpus.duplicates import NearDuplicates, normalised, resemblance, shingles, sketches

LONG = (
    "the old harbour of the city was rebuilt by the senate after the great flood of the second century and "
    "stood for ages"
)


def naive_resemblance(left, right):
    def sets(text):
        words = [*normalised(text).split(), "", ""]
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}

    a, b = sets(left), sets(right)
    return len(a & b) / len(a | b)


def test_numbers_case_and_marks_do_not_count():
    assert normalised("In 1990, THE Queen's 12th…") == "in 0 the queen s 0 th"
    assert normalised("北京是2008年") == "北 京 是 0 年"


@given(
    st.lists(st.sampled_from("a b c d".split()), min_size=1, max_size=12),
    st.lists(st.sampled_from("a b c d".split()), min_size=1, max_size=12),
)
def test_resemblance_equals_the_naive_one(left, right):
    flat, starts = shingles([" ".join(left), " ".join(right)])
    found = resemblance(flat[starts[0] : starts[1]], flat[starts[1] : starts[2]])
    assert abs(found - naive_resemblance(" ".join(left), " ".join(right))) < 1e-12


def keeps(texts):
    alike, kept = NearDuplicates(), []
    for text, sketch in zip(texts, sketches(texts), strict=True):
        if alike.is_new(sketch):
            alike.keep(sketch)
            kept.append(text)
    return kept


def test_one_word_changed_is_a_near_duplicate_and_half_changed_is_not():
    words = LONG.split()
    one_off = " ".join(["new" if i == 11 else word for i, word in enumerate(words)])
    half_off = " ".join(words[:11] + [f"w{'x' * i}" for i in range(11)])
    # 23 words make 23 shingles; one word in the middle changes 3: 20 / 26 = .77.
    assert round(naive_resemblance(LONG, one_off), 2) == 0.77
    assert keeps([LONG, one_off, half_off]) == [LONG, half_off]


def test_first_of_two_alike_stays_whatever_the_batch():
    other = (
        "an entirely different text about the chemistry of sea water and the salts that are dissolved in it everywhere"
    )
    assert keeps([other, LONG, LONG, other + " now"]) == [other, LONG]


def test_short_and_empty_texts_have_a_sketch():
    assert keeps(["", "a", "a b", "…"]) == ["", "a", "a b"]
