"""What the dock says below its plots: what is seen, or what to do."""

from __future__ import annotations

from ..layers.image_layer import axis_name
from ..session.session import Session

CANCELLED = "Cancelled. Press Segment to begin again."
NOTHING_BESIDE = "There are no clusters yet to put beside the image; press Segment."
NOTHING_TO_EXPORT = "There are no clusters yet to export; press Segment."
COPIED = "Copied a script that makes this result."
TABLE_COPIED = "Copied the table of clusters."
NOT_COPIED = "The clipboard did not take the text; try again."


def advice(session: Session | None) -> str:
    """What the person should know or do; empty when all is well."""
    if session is None:
        return "Open or select an image to segment it."
    if session.measured is None:
        return ""
    n, axis, said = session.measured.optimum.n_values, session.parameters.per_axis, _estimate(session)
    if axis is not None:
        name = axis_name(session.image, axis)
        said += f"Plots and table show {name} = {session.position}; each {name} has clusters of its own. "
    if n == 1:
        said += "All pixels have one value, so there is one cluster; choose an image with more to see."
    elif n < session.parameters.n_clusters:
        said += f"There are only {n} distinct values, so there are {n} clusters; choose {n} or fewer."
    return f"{said}{_chance(session)}".strip()


def _chance(session: Session) -> str:
    """What a result of several features rests on; there is nothing to say of an optimum."""
    model = session.model
    if model is None or model.is_exact:
        return ""
    said = ""
    if model.sample_size:
        said = f"Found on a sample of {_number(model.sample_size)} pixels. "
    if not session.refined:
        return f"{said}An estimate while you choose."
    if model.n_init:
        apart = max(100 * model.start_spread, 0.01)  # nearer is the same to anybody
        said += f"The best of {model.n_init} starts, which ended within {apart:.2g} % of each other."
    return said


def _estimate(session: Session) -> str:
    """How much was read of what is not in memory, and how long the rest will take."""
    measured, levels = session.measured, session.levels
    if levels is None or not levels.lazy or measured is None:
        return ""
    total = f"{_number(measured.n_pixels)} pixels"
    if not measured.is_estimate:
        return f"From all {total}. " if levels.only_looked_up else ""
    share = 100 * measured.n_read / measured.n_pixels
    said = f"Estimate from {share:.2g} % of {total}, which are not in memory. "
    if session.thorough:
        return f"{said}Reading all of them takes about {_duration(measured.seconds)}. "
    return f"{said}Segment reads all of them, in about {_duration(measured.seconds)}. "


def _number(n: int) -> str:
    """A large number in few letters."""
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if n >= size:
            return f"{n / size:.3g} {name}"
    return f"{n:,}"


def _duration(seconds: float) -> str:
    """How long, as somebody would say it."""
    for length, name in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= 1.5 * length:
            return f"{round(seconds / length)} {name}s"
    return f"{max(round(seconds), 1)} second{'s' * (round(seconds) > 1)}"


def exported(path: object) -> str:
    """That a file was written."""
    return f"Exported to {path}."


def error_text(error: Exception) -> str:
    """What went wrong, as a sentence."""
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
