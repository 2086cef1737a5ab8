"""The fault table in Python."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from fault_table import ROWS, K, Row, check_labels

import napari_kmeans


def is_one_sentence(message: str) -> bool:
    return "\n" not in message and 10 < len(message) < 400 and "Error" not in message


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_labels_are_correct_or_an_error_explains_why(row: Row) -> None:
    if row.error:
        with pytest.raises((TypeError, ValueError), match=re.escape(row.error)) as refused:
            napari_kmeans.segment(row.make(), K, **row.options)
        assert is_one_sentence(str(refused.value))
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        labels, model = napari_kmeans.segment(row.make(), K, **row.options)
    messages = [str(warning.message) for warning in caught]
    if row.warns:
        assert any(row.warns in message for message in messages), messages
    else:
        assert messages == []
    assert np.isfinite(model.centers).all()
    assert 0 <= model.explained_variance <= 1
    assert np.isfinite(model.inertia)
    check_labels(row, np.asarray(labels), model.n_clusters)
    again = model.predict(row.make(), mask=row.options.get("mask"))
    np.testing.assert_array_equal(np.asarray(again), np.asarray(labels))
