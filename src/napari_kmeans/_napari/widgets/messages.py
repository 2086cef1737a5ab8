"""What the dock says below its plots: what the user sees, or what to do."""

from __future__ import annotations

import math

from ...model.fitted_model import without_pixels
from ..layers.image_layer import axis_name
from ..plots.plot_text import format_value
from ..session.session import Session

CANCELLED = "Cancelled. Press Segment to begin again."
NOTHING_BESIDE = "There are no clusters yet to put beside the image; press Segment."
NOTHING_TO_EXPORT = "There are no clusters yet to export; press Segment."
COPIED = "Copied a script that makes this result."
TABLE_COPIED = "Copied the table of clusters."
NOT_COPIED = "The clipboard did not take the text; try again."


def advice(session: Session | None) -> str:
    """Return what the user should know or do; empty if there is nothing to say."""
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
        return [f"From all {total}."] if resolutions.stays_on_demand else []
    share = 100 * measured.n_read / measured.n_pixels
    estimate = f"Estimate from {share:.2g} % of {total}, which are not in memory."
    duration = _duration(measured.seconds)
    if session.is_thorough:
        return [estimate, f"Reading all of them takes about {duration}."]
    return [estimate, f"Segment reads all of them, in about {duration}."]


def _position(session: Session) -> list[str]:
    axis = session.asked.per_axis
    if axis is None:
        return []
    name = axis_name(session.image, axis)
    return [f"Plots and table show {name} = {session.position}; each {name} has clusters of its own."]


def _number_of_clusters(session: Session) -> list[str]:
    assert session.clusterings is not None
    n = session.clusterings.n_values
    if n == 1:
        return ["All pixels have one value, so there is one cluster; choose an image with more to see."]
    if n < session.asked.n_clusters:
        return [f"There are only {n} distinct values, so there are {n} clusters; choose {n} or fewer."]
    return []


def _empty(session: Session) -> list[str]:
    """Name the clusters that coherence leaves without pixels."""
    model = session.model
    if model is None or model.coherence is None or not (empty := without_pixels(model.counts)):
        return []
    return [f"Coherence leaves {empty} without pixels; choose fewer clusters or less coherence."]


def _field(session: Session) -> list[str]:
    model = session.model
    field = model.illumination if model is not None else None
    if model is None or field is None:
        return []
    share = field.explained_variance
    sentence = f"The field explains {100 * share:.2g} % of the variance"
    if share <= model.explained_variance * (1 - share):
        return [f"{sentence}."]
    return [
        f"{sentence}, more than the clusters do; look at it with ⋯ ▸ Show field: it may contain segments."
    ]


def _intervals(session: Session) -> list[str]:
    if session.uncertainty is None or not session.uncertainty.is_limited:
        return []
    return ["Neighbours are alike over a large part of the image, so the intervals are too narrow."]


def _search(session: Session) -> list[str]:
    """Describe what a result of several features is based on."""
    model = session.model
    if model is None or model.is_exact:
        return []
    sentences = []
    if model.sample_size:
        sentences.append(f"Found on a sample of {_number(model.sample_size)} pixels.")
    if not session.is_refined:
        return [*sentences, "An estimate while you choose."]
    if model.n_init:
        spread = max(100 * model.start_spread, 0.01)  # smaller differences mean nothing
        sentences.append(
            f"The best of {model.n_init} restarts; their inertias differ by at most {spread:.2g} %."
        )
    return sentences


def _number(n: int) -> str:
    """Return a large number in few letters."""
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
    """Return that labels were written to a file."""
    return f"Exported to {path}."


def objects_added(n: int, name: str) -> str:
    """Return how many objects were found, and where they are."""
    return f"{n:,} object{'s' * (n != 1)} in the layer “{name}”, with their measures as features."


def recipe_saved(path: object) -> str:
    """Return that a recipe was saved without what belongs to this image."""
    return f"Saved to {path}, without the mask and the positions of this image."


def saved(path: object) -> str:
    """Return that a model or a table was written to a file."""
    return f"Saved to {path}."


def beyond_neighbours(index: int, value: float, low: float, high: float) -> str:
    """Return that a typed threshold, counted from 0, is not between its neighbours."""
    limits = []
    if low > -math.inf:
        limits.append(f"at least {format_value(low)}, the border below it")
    if high < math.inf:
        limits.append(f"at most {format_value(high)}, the border above it")
    return f"Border {index + 1} | {index + 2} was not set to {value:g}; it must be {' and '.join(limits)}."


def no_number(text: str) -> str:
    """Return that a typed text is no number."""
    if "," in text:
        return f"“{text}” is not a number; write it with a decimal point and without separators."
    return f"“{text}” is not a number."


def error_text(error: Exception) -> str:
    """Return what went wrong, as a sentence."""
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
