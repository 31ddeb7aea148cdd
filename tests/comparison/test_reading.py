import numpy as np
import pytest
from safetensors.numpy import save_file

from samedream import artifacts
from samedream.comparison.context import Context
from samedream.comparison.reading import with_models
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
