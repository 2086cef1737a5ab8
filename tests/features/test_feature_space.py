from __future__ import annotations

import json

import numpy as np
import pytest

from napari_kmeans.features.feature_space import (
    VectorFormat,
    alpha_mask,
    as_native,
    float_dtype,
    native_dtype,
    stored_dtype,
    unknown_white_reason,
)
from napari_kmeans.features.registry import FEATURES


@pytest.mark.parametrize(
    ("dtype", "expected"), [("bool", "u1"), (">u2", "=u2"), ("<f8", "=f8"), ("int8", "i1"), (">f2", "=f2")]
)
def test_values_are_stored_in_native_byte_order(dtype, expected):
    block = np.array([0, 1, 1]).astype(dtype)
    assert native_dtype(dtype) == np.dtype(expected)
    assert as_native(block).dtype == np.dtype(expected)
    assert as_native(block).tolist() == [0, 1, 1]


def test_native_blocks_are_not_copied():
    block = np.zeros(3, dtype=np.float32)
    assert np.shares_memory(as_native(block), block)
    flags = np.zeros(3, dtype=bool)
    assert np.shares_memory(as_native(flags), flags)


@pytest.mark.parametrize(
    ("dtype", "stored", "computed"),
    [
        *[("bool", "u1", "f4"), ("int8", "i1", "f4"), (">u2", "=u2", "f4"), ("int32", "i4", "f8")],
        *[("u8", "u8", "f8"), (">f2", "f4", "f4"), (">f4", "f4", "f4"), ("f8", "f8", "f8")],
    ],
)
def test_small_numbers_are_computed_in_float32(dtype, stored, computed):
    assert stored_dtype(dtype) == np.dtype(stored)
    assert float_dtype(dtype) == np.dtype(computed)


@pytest.mark.parametrize(
    ("dtype", "is_known"),
    [("u1", True), (">u2", True), ("f8", True), ("bool", True), ("i2", False), ("u4", False)],
)
def test_white_is_known_for_8_and_16_bits_and_floats(dtype, is_known):
    reason = unknown_white_reason(FEATURES["lab"](), dtype)
    assert (reason == "") == is_known
    if not is_known:
        assert f"has dtype {np.dtype(dtype)}, but features='lab' needs colours of 8 or 16 bits" in reason


def test_only_a_fourth_channel_is_alpha():
    block = np.ones((2, 4), dtype=np.uint8)
    block[1, 3] = 0
    assert alpha_mask(block, 4).tolist() == [True, False]
    assert alpha_mask(block, None) is None
    assert alpha_mask(block[:, :3], 3) is None


def test_features_of_colours_are_scaled_by_white_and_converted():
    columns = [np.array([0, 255], dtype=np.uint8)] * 3
    plain = VectorFormat(np.dtype(np.uint8), ("a", "b", "c"))
    assert [column.tolist() for column in plain.features(columns)] == [[0, 255]] * 3
    assert plain.n_features == 3
    lab = VectorFormat(np.dtype(np.uint8), ("L*", "a*", "b*"), white=255.0)
    np.testing.assert_allclose(lab.features(columns)[0], [0, 100], atol=1e-9)


@pytest.mark.parametrize("name", FEATURES)
def test_options_can_be_stored_as_json(name):
    space = FEATURES[name]()
    stored = json.loads(json.dumps(space.options))
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}
    assert FEATURES[name](**given) == space
