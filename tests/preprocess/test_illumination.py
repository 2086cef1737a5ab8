"""Fields as polynomials over an image: evaluated, removed and validated."""

from __future__ import annotations

import numpy as np
import pytest

from napari_kmeans.preprocess.illumination import (
    Illumination,
    IlluminationField,
    check_illumination,
    field_axes,
    legendre,
    n_terms,
    pixel_coordinates,
    terms,
)


def field_of(shape=(30, 41), degree=4, kind="additive", n_channels=1, seed=0):
    rng = np.random.default_rng(seed)
    n = n_terms(degree, len(field_axes(len(shape))))
    rows = rng.normal(0, 0.2, (n_channels, n))
    return IlluminationField(kind, degree, shape, tuple(map(tuple, rows.tolist())), 0.3)


@pytest.mark.parametrize("degree", range(1, 9))
def test_polynomials_are_those_of_numpy(degree):
    x = np.linspace(-1, 1, 50)
    assert legendre(x, degree) == pytest.approx(np.polynomial.legendre.legvander(x, degree).T)


@pytest.mark.parametrize("n_axes", [1, 2])
@pytest.mark.parametrize("degree", [1, 4, 8])
def test_terms_have_no_constant_and_are_counted(degree, n_axes):
    listed = list(terms(degree, n_axes))
    assert len(listed) == len(set(listed)) == n_terms(degree, n_axes)
    assert all(0 < sum(exponents) <= degree for exponents in listed)


@pytest.mark.parametrize("shape", [(50,), (30, 41), (3, 30, 41)])
def test_a_box_has_the_bits_of_the_whole(shape):
    field = field_of(shape)
    whole = np.broadcast_to(field.evaluate([slice(0, n) for n in shape], shape), shape)
    box = tuple(slice(n // 4, n // 2 + 1) for n in shape)
    part = np.broadcast_to(field.evaluate(box, shape), whole[box].shape)
    assert np.array_equal(part, whole[box])
    if len(shape) > 1:
        y, x = (pixel_coordinates(np.arange(n), n) for n in shape[-2:])
        expected = sum(
            c * np.outer(legendre(y, 4)[i], legendre(x, 4)[j])
            for c, (i, j) in zip(field.coefficients[0], terms(4, 2), strict=True)
        )
        assert whole[(0,) * (len(shape) - 2)] == pytest.approx(expected)


def test_a_coarser_resolution_has_the_means_of_the_field():
    field = field_of((64, 96))
    fine, coarse = field.evaluate_image((64, 96)), field.evaluate_image((16, 24))
    assert coarse == pytest.approx(fine.reshape(16, 4, 24, 4).mean(axis=(1, 3)), abs=0.02)


def test_a_multiplicative_field_is_a_factor():
    factor = field_of(kind="multiplicative").evaluate_image((30, 41))
    assert factor.min() > 0
    assert np.log(factor) == pytest.approx(field_of().evaluate_image((30, 41)))


def test_channels_have_their_own_field_on_the_last_axis():
    field = field_of(n_channels=3)
    image = field.evaluate_image((30, 41))
    assert image.shape == (30, 41, 3)
    corrected = field.correct(
        np.zeros((30, 41, 3), np.uint8), (slice(0, 30), slice(0, 41)), (30, 41), np.dtype(np.float64), 1.0
    )
    assert np.array_equal(corrected, -image)


@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_a_planted_field_is_removed(kind):
    field = field_of(kind=kind)
    clean = np.random.default_rng(0).uniform(50, 200, (30, 41))
    light = field.evaluate_image(clean.shape)
    lit = clean + light if kind == "additive" else clean * light
    box = tuple(slice(0, n) for n in clean.shape)
    assert field.correct(lit, box, clean.shape, np.dtype(np.float64), 1.0) == pytest.approx(clean)
    halves = field.correct(lit * 2, box, clean.shape, np.dtype(np.float32), 0.5)
    assert halves.dtype == np.float32
    assert halves == pytest.approx(clean, rel=1e-5)


def test_a_color_shares_one_factor():
    field = field_of(kind="multiplicative")
    colors = np.random.default_rng(0).uniform(50, 200, (30, 41, 3))
    box = (slice(0, 30), slice(0, 41))
    corrected = field.correct(colors, box, (30, 41), np.dtype(np.float64), 1.0)
    assert corrected == pytest.approx(colors / field.evaluate_image((30, 41))[..., np.newaxis])


def test_infinite_and_missing_pixels_stay():
    field = field_of((1, 4), kind="multiplicative")
    values = np.array([[np.nan, np.inf, -np.inf, 1.0]])
    corrected = field.correct(values, (slice(0, 1), slice(0, 4)), (1, 4), np.dtype(np.float64), 1.0)
    assert np.isnan(corrected[0, 0])
    assert corrected[0, 1:3].tolist() == [np.inf, -np.inf]


@pytest.mark.parametrize("shape", [(30, 40), (30,), (1, 30, 41)])
def test_an_image_of_another_shape_is_rejected(shape):
    with pytest.raises(ValueError, match=r"fitted to \(30, 41\); fit the image itself, or crop"):
        field_of().check_shape(shape)


@pytest.mark.parametrize("shape", [(30,), (2, 30, 41), (0, 4)])
def test_another_number_of_axes_is_rejected(shape):
    with pytest.raises(ValueError, match="must have 2 positive lengths"):
        field_of().evaluate_image(shape)


def test_illumination_can_be_given_by_its_kind():
    assert check_illumination(None) is None
    assert check_illumination("additive") == Illumination("additive")
    assert check_illumination(Illumination("additive", 3)).degree == 3


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: check_illumination("shading"),
            ValueError,
            "'shading' must be one of 'additive', 'mult",
        ),
        (
            lambda: check_illumination(2),
            TypeError,
            "must be None, 'additive' or 'multiplicative' or an Ill.*not 2",
        ),
        (lambda: Illumination("additive", 0), ValueError, "degree=0 must be 1 to 8"),
        (lambda: Illumination("additive", 9), ValueError, "degree=9 must be 1 to 8"),
        (lambda: Illumination("additive", 2.0), TypeError, "degree must be an int, not 2.0"),
        (lambda: Illumination("additive", True), TypeError, "degree must be an int, not True"),
    ],
)
def test_invalid_arguments_are_rejected(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("dtype", [">f4", ">u2", "f2", "u1"])
@pytest.mark.parametrize("kind", ["additive", "multiplicative"])
def test_the_removed_field_does_not_depend_on_type_order_or_step(kind, dtype):
    field, whole = field_of((3, 30, 41), kind=kind), [slice(0, 3), slice(0, 30), slice(0, 41)]
    values = np.random.default_rng(0).integers(1, 200, (3, 30, 41)).astype(dtype)
    expected = field.correct(values.astype(np.float64), whole, (3, 30, 41), np.dtype(np.float32), 1.0)
    for other in (values, np.asfortranarray(values), values[:, ::-1][:, ::-1]):
        found = field.correct(other, whole, (3, 30, 41), np.dtype(np.float32), 1.0)
        assert np.array_equal(found, expected)
    part = [slice(1, 3), slice(0, 30, 4), slice(5, 41, 3)]
    found = field.correct(values[tuple(part)], part, (3, 30, 41), np.dtype(np.float32), 1.0)
    assert np.array_equal(found, expected[tuple(part)])
