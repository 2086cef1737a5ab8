"""Time of each step of a segmentation by one feature: counting, solver, confirmation, labels.

    python -m benchmarks.steps [--size 4096] [-k 4] [--rounds 9] [--markdown]

For each step, the shortest time is reported, because a busy machine makes the others longer.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .distributions import converted, distributions
from .tables import Table

CASES = (
    ("normal", "uint8"),
    ("lognormal", "uint8"),
    ("normal", "float32"),
    ("lognormal", "float32"),
    ("half of the pixels 0", "int32"),
    ("modes at 0 and 1e6", "float64"),
)


def measure(image: NDArray[Any], k: int, rounds: int) -> dict[str, float]:
    """Return the shortest time of each step in seconds, after one warm-up round."""
    from napari_kmeans.blocks.pixels import Pixels
    from napari_kmeans.model.model import KMeansModel
    from napari_kmeans.model.preparation import prepare
    from napari_kmeans.model.recipe import Recipe

    recipe = Recipe(n_clusters=k)
    pixels = Pixels.of(image, features=recipe.extractor)
    least: dict[str, float] = {}
    for turn in range(rounds + 1):
        took: dict[str, float] = {}

        def timed(name: str, function: Callable[[], Any], took: dict[str, float] = took) -> Any:
            begin = time.perf_counter()
            result = function()
            took[name] = time.perf_counter() - begin
            return result

        prepared = timed("counting", lambda: prepare(pixels, recipe))
        timed("solver", lambda prepared=prepared: prepared.clusterings.clustering(k))
        timed("confirmation", lambda prepared=prepared: prepared.clusterings.confirm(k))
        model = prepared.model(KMeansModel, recipe)
        timed("labels", lambda model=model: model.label(pixels))
        if turn:
            least = {name: min(seconds, least.get(name, np.inf)) for name, seconds in took.items()}
    return least


def main() -> int:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.steps", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--size", type=int, default=4096, help="edge length in pixels")
    parser.add_argument("--clusters", "-k", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # warnings about fewer distinct values than clusters
    wanted = {name for name, _ in CASES}
    images = {name: values for name, values in distributions(options.size) if name in wanted}
    rows = []
    for name, dtype in CASES:
        steps = measure(converted(images[name], dtype), options.clusters, options.rounds)
        rows.append([f"`{dtype}`, {name}", *(f"{1e3 * seconds:.2g} ms" for seconds in steps.values())])
    header = ["image", "counting", "solver", "confirmation", "labels"]
    table = Table(f"Steps at {options.size}², k = {options.clusters}", header, rows)
    print(table.markdown() if options.markdown else table.text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
