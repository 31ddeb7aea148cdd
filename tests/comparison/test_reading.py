import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from samedream import artifacts
from samedream.comparison.context import Context
from samedream.comparison.reading import read_context, with_models
from samedream.errors import CorruptArtifactError, StaleArtifactError


def _dictionary(directory, decoder):
    directory.mkdir(parents=True)
    path = directory / "sae_weights.safetensors"
    save_file({"W_dec": decoder, "b_dec": decoder[0]}, path)
    artifacts.finish(directory, "sae", {}, inputs={}, counts={}, files=[path])
    return directory


def _features(directory, states, **inputs):
    directory.mkdir(parents=True)
    files = []
    if states is not None:
        np.save(directory / "states.npy", states)
        files = [directory / "states.npy"]
    artifacts.finish(directory, "features", {}, inputs=inputs, counts={}, files=files)
    return directory


def _array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_states_and_decoders_are_read_by_side(tmp_path):
    decoder = _dictionary(tmp_path / "sae", _array(9, 4))
    known = {"sae": artifacts.require_manifest(decoder).fingerprint()}
    features = {
        "left": _features(tmp_path / "left", _array(5, 4, seed=1), **known),
        "right": _features(tmp_path / "right", None),  # of an older version
        "left_repeat": _features(tmp_path / "repeat", _array(5, 4, seed=2)),
        "right_floor": _features(tmp_path / "floor", _array(5, 4, seed=3)),
    }
    before = Context(topic_names=("Arts",))
    found = with_models(before, features, {"left": decoder, "right": tmp_path / "deleted"})
    assert found.topic_names == ("Arts",)
    assert set(found.states) == {"left", "right_floor"} and set(found.decoders) == {"left"}
    np.testing.assert_array_equal(found.states["left"], _array(5, 4, seed=1))
    np.testing.assert_array_equal(found.decoders["left"], _array(9, 4))


def test_another_or_a_damaged_dictionary_is_refused(tmp_path):
    decoder = _dictionary(tmp_path / "sae", _array(9, 4))
    features = _features(tmp_path / "left", _array(5, 4), sae="0" * 64)
    with pytest.raises(StaleArtifactError) as error:
        with_models(Context(), {"left": features}, {"left": decoder})
    assert str(error.value) == (
        f"{features} was made with another dictionary than {decoder}. Delete {features} and rerun "
        f'"samedream features DIR"'
    )
    plain = _features(tmp_path / "plain", _array(5, 4))
    path = decoder / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        with_models(Context(), {"left": plain}, {"left": decoder})


def _corpus(directory, topics, texts):
    directory.mkdir()
    path = directory / "passages.parquet"
    pq.write_table(pa.table({"topic": pa.array(topics, pa.string()), "text": texts}), path)
    artifacts.finish(directory, "corpus", {}, inputs={}, counts={}, files=[path])
    return directory


def test_topics_words_and_flags_of_a_corpus_are_read(tmp_path):
    texts = ["NATO in 1949", "a song", "its song"] * 5
    context = read_context(_corpus(tmp_path / "corpus", ["History", None, "Arts"] * 5, texts))
    assert context.topic_names == ("Arts", "History")
    assert context.topics.tolist() == [1, -1, 0] * 5
    assert context.word_names == ("0000", "a", "in", "its", "nato", "song")
    assert context.words.toarray()[:3].tolist() == [[1, 0, 1, 0, 1, 0], [0, 1, 0, 0, 0, 1], [0, 0, 0, 1, 0, 1]]
    assert context.flags["dates"].tolist() == context.flags["acronyms"].tolist() == [True, False, False] * 5


def test_a_corpus_without_topics_or_frequent_words_has_none(tmp_path):
    context = read_context(_corpus(tmp_path / "corpus", [None] * 4, ["one", "two", "three", "four"]))
    assert context.topics is None
    assert context.words is None
    assert context.topic_names == context.word_names == ()
