import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from samedream import artifacts
from samedream.errors import CorruptArtifactError, MissingArtifactError
from samedream.features.store import (
    ACTIVITY,
    EXEMPLARS,
    FEATURES,
    FILES,
    PEAKS,
    STATES,
    load_activity,
    load_exemplars,
    load_features,
    load_peaks,
    load_states,
    save_arrays,
    save_table,
)


@pytest.fixture
def stage(tmp_path):
    activity = sparse.csr_matrix(np.array([[0, 1.5], [2, 0]], np.float32))
    sparse.save_npz(tmp_path / ACTIVITY, activity)
    save_arrays(tmp_path / PEAKS, {"start": np.array([0, 4], np.uint32), "end": np.array([3, 9], np.uint32)})
    np.save(tmp_path / STATES, np.array([[1, 2, 3], [np.nan] * 3], np.float32))
    save_table(tmp_path / FEATURES, pa.table({"feature": [0, 1]}))
    save_table(tmp_path / EXEMPLARS, pa.table({"feature": [1]}))
    artifacts.finish(tmp_path, "features", {}, inputs={}, counts={}, files=[tmp_path / name for name in FILES])
    return tmp_path


def test_round_trip(stage):
    assert load_activity(stage).toarray().tolist() == [[0, 1.5], [2, 0]]
    assert isinstance(load_activity(stage), sparse.csr_matrix)
    start, end = load_peaks(stage)
    assert (start.tolist(), end.tolist()) == ([0, 4], [3, 9])
    assert load_features(stage).to_pydict() == {"feature": [0, 1]}
    assert load_exemplars(stage).to_pydict() == {"feature": [1]}
    np.testing.assert_array_equal(load_states(stage), np.array([[1, 2, 3], [np.nan] * 3], np.float32))


def test_a_directory_of_an_older_version_has_no_states(stage):
    (stage / STATES).unlink()
    kept = [stage / name for name in FILES if name != STATES]
    artifacts.finish(stage, "features", {}, inputs={}, counts={}, files=kept)
    assert load_states(stage) is None


@pytest.mark.parametrize(
    ("name", "load"),
    [
        (ACTIVITY, load_activity),
        (PEAKS, load_peaks),
        (STATES, load_states),
        (FEATURES, load_features),
        (EXEMPLARS, load_exemplars),
    ],
)
def test_damage_is_seen(stage, name, load):
    data = bytearray((stage / name).read_bytes())
    data[len(data) // 2] ^= 1
    (stage / name).write_bytes(data)
    with pytest.raises(CorruptArtifactError, match="does not fit its checksum"):
        load(stage)
    (stage / name).unlink()
    with pytest.raises(CorruptArtifactError, match=f"{name} is missing though"):
        load(stage)


def test_not_finished(tmp_path):
    with pytest.raises(MissingArtifactError, match="is not finished"):
        load_activity(tmp_path)


def test_same_arrays_same_bytes_and_no_date(tmp_path):
    array = np.arange(10)
    for name in ("a", "b"):
        save_arrays(tmp_path / name, {"x": array})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    import zipfile

    with zipfile.ZipFile(tmp_path / "a") as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)
    with np.load(tmp_path / "a") as loaded:
        assert loaded["x"].tolist() == array.tolist()
