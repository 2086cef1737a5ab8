"""What the dock says below its plots: what is seen, or what to do."""

from __future__ import annotations

from .layers import axis_name
from .session import Session

CANCELLED = "Cancelled. Press Segment to begin again."
NOTHING_BESIDE = "There are no clusters yet to put beside the image; press Segment."
COPIED = "Copied a script that makes this result."


def advice(session: Session | None) -> str:
    """What the person should know or do; empty when all is well."""
    if session is None:
        return "Open or select an image to segment it."
    if session.optimum is None:
        return ""
    n, axis, said = session.optimum.n_values, session.parameters.per_axis, ""
    if axis is not None:
        name = axis_name(session.image, axis)
        said = f"Plots and table show {name} = {session.position}; each {name} has clusters of its own. "
    if n == 1:
        said += "All pixels have one value, so there is one cluster; choose an image with more to see."
    elif n < session.parameters.n_clusters:
        said += f"There are only {n} distinct values, so there are {n} clusters; choose {n} or fewer."
    return said.strip()


def refusal(error: Exception) -> str:
    """What went wrong, as a sentence."""
    text = str(error) or type(error).__name__
    return text[0].upper() + text[1:] + ("" if text.endswith(".") else ".")
