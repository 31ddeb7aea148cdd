import numpy as np
from scipy import sparse

from samedream import artifacts
from samedream.comparison.granularity.peaks import PeakReader, entity_words
from samedream.features.store import PEAKS, save_arrays
from samedream.labels.words import find_words

TEXTS = [
    "In 1789 the people of Paris stormed it. Versailles fell, and I saw King Louis there",
    "Paris! The U.S. Army came",
]


def test_names_are_capitalised_words_inside_sentences():
    words = find_words(TEXTS)
    found = entity_words(TEXTS, words)
    places = zip(words.passage, words.start, words.end, strict=True)
    spelled = [(int(p), TEXTS[p][s:e]) for p, s, e in places]
    named = [where for where, is_name in zip(spelled, found, strict=True) if is_name]
    # "In" and "Versailles" begin sentences, "I" is no name; "S" and "Army" stand after the full stops of "U.S."
    assert named == [(0, "Paris"), (0, "King"), (0, "Louis"), (1, "U")]


def write(directory, spans):
    directory.mkdir()
    start, end = np.array(spans, np.uint32).T
    save_arrays(directory / PEAKS, {"start": start, "end": end})
    artifacts.finish(directory, "features", {}, inputs={}, counts={}, files=[directory / PEAKS])
    return directory


def test_the_peaks_of_stored_values_in_the_order_of_sorted_columns(tmp_path):
    # row 0 is stored with its columns the wrong way round: feature 2 peaks on "Paris", 0 on "people", 1 on the stop
    activity = sparse.csr_array(
        (np.array([3.0, 2.0, 4.0, 0.1, 5.0], np.float32), np.array([2, 0, 1, 0, 1]), np.array([0, 3, 5])), shape=(2, 3)
    )
    at = TEXTS[0].index
    spans = [
        (at("Paris"), at("Paris") + 3),
        (at("people") - 1, at("people") + 6),
        (at(". V"), at(". V") + 1),
        (0, 5),  # 0.1 is not above 20 % of 2: nobody asks for its word
        (0, len(TEXTS[1])),  # the whole passage: no word can be told
    ]
    found = PeakReader(TEXTS).read(write(tmp_path / "one", spans), activity)
    terms = find_words(TEXTS).terms
    assert [terms[n] for n in found.word[[0, 2]]] == ["people", "Paris"]
    assert found.word[1] == len(terms)  # a mark
    assert found.word[3:].tolist() == [-1, -1]
    assert found.entity.tolist() == [False, False, True, False, False]


def test_one_word_has_one_number_in_every_dictionary(tmp_path):
    activity = sparse.csr_array(np.ones((2, 1), np.float32))
    reader = PeakReader(TEXTS)
    paris, stop = TEXTS[0].index("Paris"), TEXTS[0].index(". ")
    one = reader.read(write(tmp_path / "one", [(stop, stop + 1), (0, 5)]), activity)
    two = reader.read(write(tmp_path / "two", [(paris, paris + 5), (5, 6)]), activity)
    assert two.word[0] == one.word[1]
    assert two.entity.tolist() == [True, False]  # "Paris!" begins its passage
    assert one.word[0] != two.word[1]  # a full stop and an exclamation mark
