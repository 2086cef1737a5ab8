"""Messages below the plots of the dock: about the result, or what to do."""

from __future__ import annotations

import math

from ...model.fitted_model import without_pixels
from ..layers.image_layer import axis_name
from ..plots.plot_text import format_value
from ..session.session import Session

CANCELLED = "Cancelled. Press Segment to start again."
CANCELLED_REQUEST = "Cancelled."
NOTHING_BESIDE = "There are no clusters to show yet; press Segment."
NO_CLUSTERS = "There are no clusters yet; press Segment."
COPIED = "Copied a script that reproduces this result."
TABLE_COPIED = "Copied the table of clusters."
NOT_COPIED = "The text could not be copied to the clipboard; try again."


def advice(session: Session | None) -> str:
    """Return the message for the current state of a session; may be empty."""
    if session is None:
        return "Open or select an image to segment it."
    notice = [session.notice] if session.notice else []
    if session.failure is not None:
        notice.append(error_text(session.failure))
    if session.measured is None:
        return " ".join(notice)
    sentences = [*notice, *_reading(session), *_position(session), *_number_of_clusters(session)]
    sentences += [*_empty(session), *_field(session), *_search(session), *_intervals(session)]
    return " ".join(sentences)


def _reading(session: Session) -> list[str]:
    """Describe how much of a lazy image was read, and how long the rest will take."""
    measured, resolutions = session.measured, session.resolutions
    if resolutions is None or not resolutions.is_lazy or measured is None:
        return []
    total = f"{_number(measured.n_pixels)} pixels"
    if not measured.is_estimate:
        return [f"Based on all {total}."] if resolutions.stays_on_demand else []
    share = 100 * measured.n_read / measured.n_pixels
    estimate = f"Estimate from {share:.2g} % of {total}, because the image is not in memory."
    duration = _duration(measured.seconds)
    if session.is_thorough:
        return [estimate, f"Reading all pixels takes about {duration}."]
    return [estimate, f"Segment reads all pixels in about {duration}."]


def _position(session: Session) -> list[str]:
    axis = session.settings.per_axis
    if axis is None:
        return []
    name = axis_name(session.image, axis)
    return [f"The plots and the table show {name} = {session.position}; each {name} has its own clusters."]


def _number_of_clusters(session: Session) -> list[str]:
    assert session.clusterings is not None
    n = session.clusterings.n_values
    if n == 1:
        return ["All pixels have the same value, so there is only one cluster; choose another image."]
    if n < session.settings.n_clusters:
        fewer = " or fewer" * (n > 2)
        return [f"There are only {n} distinct values, so there are only {n} clusters; choose {n}{fewer}."]
    return []


def _empty(session: Session) -> list[str]:
    """Name the clusters that have no pixels because of coherence."""
    model = session.model
    if model is None or model.coherence is None or not (empty := without_pixels(model.counts)):
        return []
    return [f"Coherence leaves {empty} without pixels; choose fewer clusters or a lower coherence."]


def _field(session: Session) -> list[str]:
    model = session.model
    field = model.illumination if model is not None else None
    if model is None or field is None:
        return []
    share = field.explained_variance
    sentence = f"The illumination field explains {100 * share:.2g} % of the variance"
    if share <= model.explained_variance * (1 - share):
        return [f"{sentence}."]
    return [
        f"{sentence}, more than the clusters do. It may contain segments: check it with ⋯ ▸ Show illumination field."
    ]


def _intervals(session: Session) -> list[str]:
    if session.uncertainty is None or not session.uncertainty.is_limited:
        return []
    return ["Labels are correlated over a large part of the image, so the intervals are too narrow."]


def _search(session: Session) -> list[str]:
    """Describe how the clusters of several features were found."""
    model = session.model
    if model is None or model.is_exact or model.recipe.edits.centers is not None:
        return []
    sentences = []
    if model.sample_size:
        sentences.append(f"Fitted to a sample of {_number(model.sample_size)} pixels.")
    if not session.is_refined:
        return [*sentences, "This is an estimate until the slider stops."]
    if model.n_init:
        spread = max(100 * model.start_spread, 0.01)  # smaller differences are not meaningful
        sentences.append(f"Best of {model.n_init} restarts, whose inertias differ by at most {spread:.2g} %.")
    return sentences


def _number(n: int) -> str:
    """Return a large number as a short text."""
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if n >= size:
            return f"{n / size:.3g} {name}"
    return f"{n:,}"


def _duration(seconds: float) -> str:
    """Return a duration in one unit."""
    for length, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {name}s"
    return f"{max(round(seconds), 1)} second{'s' * (round(seconds) > 1)}"


def exported(path: object) -> str:
    """Return the message after an export."""
    return f"Exported to {path}."


def objects_added(n: int, name: str) -> str:
    """Return the message after a split into objects."""
    return f"{n:,} object{'s' * (n != 1)} in the layer “{name}”; its features table has the measurements."


def recipe_saved(path: object) -> str:
    """Return the message after saving a recipe whose mask or axis is not part of the file."""
    return f"Saved to {path}. Masks and separate clusters per position are not part of a recipe."


def saved(path: object) -> str:
    """Return the message after saving a model or a recipe."""
    return f"Saved to {path}."


def threshold_out_of_range(index: int, value: float, low: float, high: float) -> str:
    """Return the message for a typed threshold, counted from 0, that is not between its neighbours."""
    limits = []
    if low > -math.inf:
        limits.append(f"at least {format_value(low)}, the threshold below it")
    if high < math.inf:
        limits.append(f"at most {format_value(high)}, the threshold above it")
    return f"Threshold {index + 1} | {index + 2} cannot be {value:g}: it must be {', and '.join(limits)}."


def not_a_number(text: str) -> str:
    """Return the message for a typed text that is not a number."""
    if "," in text:
        return f"“{text}” is not a number; use a decimal point and no thousands separators."
    return f"“{text}” is not a number."


def error_text(error: Exception) -> str:
    """Return the message of an error as a sentence."""
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
