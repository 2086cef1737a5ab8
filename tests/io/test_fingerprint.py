from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from napari_kmeans.io import fingerprint as module
from napari_kmeans.io.fingerprint import fingerprint
from napari_kmeans.io.image_file import Url


def test_a_file_has_the_digest_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"pixels")
    assert fingerprint(tmp_path / "x") == f"sha256:{hashlib.sha256(b'pixels').hexdigest()}"
    assert fingerprint(Url("s3://bucket/x.zarr")) == ""
    with pytest.raises(FileNotFoundError):
        fingerprint(tmp_path / "absent")


def test_parts_of_a_large_file_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHOLE", 1000)
    monkeypatch.setattr(module, "_N_WINDOWS", 4)
    monkeypatch.setattr(module, "_WINDOW", 10)
    content = bytes(2000)
    prints = []
    for changed in (None, 505, 600, 2000):
        data = bytearray(content)
        if changed == 2000:
            data.append(0)
        elif changed:
            data[changed] = 1
        (tmp_path / "x").write_bytes(data)
        prints.append(fingerprint(tmp_path / "x"))
    assert prints[0].startswith("sha256-of-parts:")
    assert prints[0] == prints[2]  # between the parts
    assert len(set(prints)) == 3


def test_a_folder_is_fingerprinted_without_results_in_it(tmp_path: Path) -> None:
    image = tmp_path / "x.zarr"
    (image / "0" / "c").mkdir(parents=True)
    (image / "0" / "c" / "0").write_bytes(b"chunk")
    metadata = {"zarr_format": 3, "attributes": {"scale": 1}}
    (image / "zarr.json").write_text(json.dumps(metadata))
    before = fingerprint(image)
    assert before.startswith("sha256-of-folder:")
    (image / "labels" / "k-means").mkdir(parents=True)
    (image / "labels" / "k-means" / "zarr.json").write_text("{}")
    (image / ".zmetadata").write_text("{}")
    (image / "zarr.json").write_text(json.dumps({**metadata, "consolidated_metadata": {"labels": 1}}))
    assert fingerprint(image) == before
    (image / "zarr.json").write_text(json.dumps({**metadata, "attributes": {"scale": 2}}))
    assert fingerprint(image) != before
    (image / "zarr.json").write_text(json.dumps(metadata))
    (image / "0" / "c" / "0").write_bytes(b"Chunk")
    assert fingerprint(image) != before
