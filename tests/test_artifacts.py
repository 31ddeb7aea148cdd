"""Atomic writes, manifests, fingerprints."""

import errno
import json
from pathlib import Path

import pytest

from samedream import artifacts
from samedream.errors import CorruptArtifactError, DiskFullError, MissingArtifactError, StaleArtifactError


def finished(directory: Path, **config: object) -> artifacts.Manifest:
    artifacts.write_bytes(directory / "data.bin", b"abc")
    return artifacts.finish(
        directory,
        "corpus",
        config or {"seed": 1},
        inputs={"source": "f00"},
        counts={"n": 1},
        files=[directory / "data.bin"],
    )


def test_a_manifest_holds_checksums_and_survives_the_round_trip(tmp_path: Path) -> None:
    manifest = finished(tmp_path)
    assert artifacts.read_manifest(tmp_path) == manifest
    # SHA-256 of b"abc" is the first example of FIPS 180-4
    assert manifest.files["data.bin"].sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert manifest.files["data.bin"].bytes == 3


def test_equal_content_gives_equal_bytes_and_fingerprints(tmp_path: Path) -> None:
    one, two = finished(tmp_path / "one"), finished(tmp_path / "two")
    assert one.fingerprint() == two.fingerprint()
    assert (tmp_path / "one/manifest.json").read_bytes() == (tmp_path / "two/manifest.json").read_bytes()


def test_already_done_names_the_setting_that_changed(tmp_path: Path) -> None:
    finished(tmp_path, seed=1, nested={"k": 32})
    assert artifacts.already_done(tmp_path, "corpus", {"seed": 1, "nested": {"k": 32}}, {"source": "f00"})
    with pytest.raises(
        StaleArtifactError, match=r"the setting nested\.k = 32, now it is 64\. Nothing is reused silently"
    ):
        artifacts.already_done(tmp_path, "corpus", {"seed": 1, "nested": {"k": 64}}, {"source": "f00"})
    with pytest.raises(StaleArtifactError, match=r"the input source = 'f00', now it is 'f01'"):
        artifacts.already_done(tmp_path, "corpus", {"seed": 1, "nested": {"k": 32}}, {"source": "f01"})


def test_a_stage_that_was_begun_with_other_settings_is_not_resumed(tmp_path: Path) -> None:
    assert not artifacts.already_done(tmp_path, "sae", {"k": 32}, {})
    artifacts.begin(tmp_path, "sae", {"k": 32}, {})
    assert not artifacts.already_done(tmp_path, "sae", {"k": 32}, {})
    with pytest.raises(StaleArtifactError, match="the setting k = 32, now it is 16"):
        artifacts.already_done(tmp_path, "sae", {"k": 16}, {})


def test_a_file_that_changed_is_found(tmp_path: Path) -> None:
    finished(tmp_path)
    assert artifacts.verify(tmp_path, "data.bin") == tmp_path / "data.bin"
    (tmp_path / "data.bin").write_bytes(b"ab")
    with pytest.raises(
        CorruptArtifactError, match=r"does not fit its checksum in manifest.json \(2 bytes found, 3 expected\)"
    ):
        artifacts.verify(tmp_path, "data.bin")
    (tmp_path / "data.bin").unlink()
    with pytest.raises(CorruptArtifactError, match="is missing though"):
        artifacts.verify(tmp_path, "data.bin")


def test_missing_broken_and_newer_manifests(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifactError, match="is not finished: it has no manifest.json"):
        artifacts.require_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema_')
    with pytest.raises(CorruptArtifactError, match="cannot be read"):
        artifacts.read_manifest(tmp_path)
    manifest = finished(tmp_path / "new")
    raw = json.loads((tmp_path / "new/manifest.json").read_text()) | {"schema_version": 99}
    (tmp_path / "new/manifest.json").write_text(json.dumps(raw))
    with pytest.raises(StaleArtifactError, match="schema version 99, this samedream reads 1"):
        artifacts.read_manifest(tmp_path / "new")
    assert manifest.schema_version == 1


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    artifacts.write_json(path, {"old": True})
    with pytest.raises(RuntimeError, match="midway"), artifacts.atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("midway")
    assert json.loads(path.read_text()) == {"old": True}
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_what_a_killed_write_left_goes_when_its_stage_begins_again(tmp_path: Path) -> None:
    below = tmp_path / "batchtopk-k8"
    below.mkdir()
    for path in (
        tmp_path / ".x.json.77.tmp",
        below / ".y.safetensors.77.tmp",
        below / ".tmpsYOEaq",
    ):  # safetensors' own
        path.write_text("half")
    (below / "whole").write_text("whole")
    artifacts.begin(tmp_path, "sweep", {}, {})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["batchtopk-k8", "started.json", "whole"]


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(DiskFullError, match="no room to write .*Nothing is lost: free some space and rerun"):
        with artifacts.atomic_path(tmp_path / "x") as temporary:
            temporary.write_text("half")
            raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_nan_never_reaches_a_json_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        artifacts.write_json(tmp_path / "x.json", {"value": float("nan")})
    assert not list(tmp_path.iterdir())
