from __future__ import annotations

import pytest

from napari_kmeans import Texture
from napari_kmeans.features.registry import FEATURES, get_feature_space


@pytest.mark.parametrize("name", ["grey", "", None, 3])
def test_the_error_for_an_unknown_name_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="must be one of 'gray', 'gray601'"):
        get_feature_space(name)


def test_every_feature_space_is_found_by_its_name():
    assert all(get_feature_space(name).name == name for name in FEATURES)


def test_options_are_those_of_the_named_feature_space():
    assert get_feature_space("channels").options == {"standardize": True, "normalize": None}
    assert get_feature_space("channels", standardize=False).options == {
        "standardize": False,
        "normalize": None,
    }
    assert get_feature_space("texture", sigma=(1, 8)).options == {"sigma": [1.0, 8.0], "window": 16.0}
    assert get_feature_space("gray").options == {}
    with pytest.raises(TypeError, match="window"):
        get_feature_space("rgb", window=3)


def test_an_object_is_returned_unchanged():
    space = Texture(window=3)
    assert get_feature_space(space) is space
    with pytest.raises(ValueError, match="must be one of"):
        get_feature_space(space, window=4)


def test_every_feature_space_has_a_distinct_title():
    assert len({space.title for space in FEATURES.values()}) == len(FEATURES)
