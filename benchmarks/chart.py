"""Chart of time against pixels, from the measurements of `benchmarks.distributions`.

    python -m benchmarks.chart RESULTS.json CHART.svg

A line is the median of the distributions; the band around it ranges from the best to the worst.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

from .contenders import FLOOR
from .distributions import PEERS

OURS = {"uint8": "#1b9e77", "uint16": "#66a61e", "float32": "#1f78b4", "float64": "#6a3d9a"}
OTHERS = dict(zip(PEERS, ("#d95f02", "#e7298a", "#a6761d"), strict=True)) | {FLOOR: "#808080"}
_INK = "#808080"  # legible on light and dark pages


def draw(measurements: list[dict], file: Path) -> None:
    """Draw the chart."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update(
        {"svg.hashsalt": "", "text.color": _INK, "axes.labelcolor": _INK, "axes.edgecolor": _INK}
        | {"xtick.color": _INK, "ytick.color": _INK, "font.size": 9}
    )
    from matplotlib import pyplot as plt

    sizes = sorted({one["size"] for one in measurements})
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    for contender, color in (OURS | OTHERS).items():
        times = [[one["seconds"][contender] for one in measurements if one["size"] == size] for size in sizes]
        pixels = [size * size for size in sizes]
        name = f"napari-kmeans, {contender}" if contender in OURS else contender
        style = "-" if contender in OURS else ":" if contender == FLOOR else "--"
        axes.plot(pixels, [median(t) for t in times], style, marker="o", ms=3, color=color, label=name)
        axes.fill_between(
            pixels, [min(t) for t in times], [max(t) for t in times], color=color, alpha=0.15, lw=0
        )
    axes.set(xscale="log", yscale="log", xlabel="pixels", ylabel="seconds from pixels to labels")
    axes.set_xticks([size * size for size in sizes], [f"{size}²" for size in sizes], minor=False)
    axes.minorticks_off()
    axes.grid(color=_INK, alpha=0.25, lw=0.5)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(file, transparent=True, metadata={"Date": None} if file.suffix == ".svg" else None)


def main() -> None:
    """Read the measurements and draw them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("chart", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.results.read_text(encoding="utf-8")), options.chart)


if __name__ == "__main__":
    main()
