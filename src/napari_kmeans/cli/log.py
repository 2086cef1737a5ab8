"""The log of a run: a line of JSON for each image, as soon as it is done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..batch.one_image import Outcome


def append_to_log(path: Path, *outcomes: Outcome) -> None:
    """Append images to a log, which may be the log of an earlier run; create it if it does not exist."""
    lines = [json.dumps(_entry(outcome), ensure_ascii=False) + "\n" for outcome in outcomes]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(lines)


def _entry(outcome: Outcome) -> dict[str, Any]:
    """Return the line of an image, as a dictionary."""
    return {
        "image": str(outcome.job.image),
        "status": outcome.status,
        "outputs": [str(output) for output in outcome.job.outputs],
        "n_clusters": outcome.n_clusters,
        "seconds": round(outcome.seconds, 4),
        "warnings": list(outcome.warnings),
        "error": outcome.error,
    }
