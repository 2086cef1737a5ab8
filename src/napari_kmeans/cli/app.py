"""The commands of the command line: ``view``, and those that process image files."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from .. import __version__

try:
    import typer
except ImportError as error:
    raise SystemExit(
        f"napari-kmeans: the command line needs {error.name}: pip install 'napari-kmeans[cli]'"
    ) from None

from ..io.image_file import location
from ..io.images import read_image
from ..io.samples import SAMPLES
from ..kmeans.clustering import MAX_CLUSTERS
from ..preprocess.illumination import KINDS
from .batch import batch
from .commands import apply, segment
from .help import PanelCommand, PanelGroup, completing
from .recipe_options import choose
from .report import print_message, printed_warnings, reporting
from .robust_output import robust_output
from .shared_options import FILES, Axes, Channel, Series, checked_axes, with_values
from .show import show

_SCREEN = "-screen 0 1400x900x24"
_UNDER_XVFB = "NAPARI_KMEANS_UNDER_XVFB"
_STOPPED = 130  # the exit status that a shell reports for Ctrl-C

EXAMPLES = {
    "": """
        napari-kmeans view --sample coins -k 3
        napari-kmeans segment cells.tif -k 3 -o results
        napari-kmeans segment --help
    """,
    "view": """
        napari-kmeans view cells.tif -k 3
        napari-kmeans view --sample coins --screenshot coins.png
    """,
    "segment": """
        napari-kmeans segment cells.tif -k 3 -o results
        napari-kmeans segment *.tif -k auto -o results --jobs 2
        napari-kmeans segment tissue.png -k 4 --features lab \\
            -o results --figure pdf
        napari-kmeans segment *.tif -k 3 --together \\
            --save-model all.json -o results --table all.csv
    """,
    "apply": """
        napari-kmeans apply cells.json other.tif -o results
        napari-kmeans apply cells.json *.tif -o results \\
            --match range --table all.csv
    """,
    "batch": """
        napari-kmeans batch recipe.json images -r -o results
        napari-kmeans batch recipe.json "images/**/*.tif" \\
            -o results --table all.csv --skip-existing
        napari-kmeans batch --recipe-from figure.png -o again
    """,
    "show": """
        napari-kmeans show results/cells-labels.tif
        napari-kmeans show results/cells-figure.png --json
    """,
}
"""Examples in ``--help``, by command; lines are short enough for 60 columns."""

app = typer.Typer(
    cls=PanelGroup,
    epilog=EXAMPLES[""],
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: all went well; 1: an input failed; 2: wrong usage; 130: stopped by Ctrl-C.
    """
    with robust_output(), printed_warnings():
        return _run(args)


def _run(args: Sequence[str] | None) -> int:
    """Run the command line; see `main`."""
    command = typer.main.get_command(app)
    arguments = sys.argv[1:] if args is None else args
    try:
        status = command.main(
            with_values(arguments or ["--help"]),
            prog_name="napari-kmeans",
            standalone_mode=False,
        )
    except (KeyboardInterrupt, typer.Abort):
        status = _STOPPED
    except Exception as error:
        # The class of usage errors is not public in every version of typer; this attribute identifies them.
        if not hasattr(error, "format_message"):
            raise
        print_message(f"{error.format_message().rstrip('.')}; see --help")
        return int(getattr(error, "exit_code", 2))
    if status == _STOPPED:
        print_message("stopped")
    return int(status or 0) if arguments else 2  # without a command, the help is shown


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"napari-kmeans {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Segment images by k-means."""


@app.command(cls=PanelCommand, epilog=EXAMPLES["view"])
def view(
    image: Annotated[str | None, typer.Argument(metavar="IMAGE", help=f"{FILES}.")] = None,
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Open a sample image: {', '.join(SAMPLES)}.",
            autocompletion=completing(SAMPLES),
        ),
    ] = None,
    n_clusters: Annotated[
        str,
        typer.Option("-k", "--clusters", metavar="N", help=f"Number of clusters, 2 to {MAX_CLUSTERS}."),
    ] = "",
    illumination: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help=f"Remove uneven illumination: {' or '.join(KINDS)}.",
            autocompletion=completing(KINDS),
        ),
    ] = None,
    channel: Channel = "",
    series: Series = None,
    axes: Axes = "",
    screenshot: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png", help="Save a screenshot of the window, replacing an existing file, and exit."
        ),
    ] = None,
) -> int:
    """Open napari with the dock and a segmented image."""
    if image is not None and sample is not None:
        raise typer.BadParameter("give an image or a sample, not both", param_hint="--sample")
    if sample is not None:
        choose("--sample", sample, SAMPLES)
    if illumination is not None:
        choose("--illumination", illumination, KINDS)
    if n_clusters and not (n_clusters.isdecimal() and 2 <= int(n_clusters) <= MAX_CLUSTERS):
        raise typer.BadParameter(f"{n_clusters!r} must be 2 to {MAX_CLUSTERS}", param_hint="-k")
    axes = checked_axes(axes)
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise typer.BadParameter(f"{screenshot} must end in .png", param_hint="--screenshot")
    if importlib.util.find_spec("napari") is None:
        print_message("view needs napari, which is not installed: pip install 'napari-kmeans[all]'")
        return 1
    at = None if image is None else location(image)
    if isinstance(at, Path) and not os.path.lexists(at):
        print_message(f"{at}: No such file or directory")
        return 1
    if not _has_display():
        if screenshot is None:
            print_message(
                "there is no display to open a window on; use --screenshot OUT.png to save a screenshot instead"
            )
            return 1
        options = {
            "--screenshot": screenshot,
            "--sample": sample,
            "-k": n_clusters,
            "--illumination": illumination,
            "--channel": channel,
            "--series": series,
            "--axes": axes,
        }
        return _view_under_xvfb(image, options)
    picture = None
    if at is not None:
        with reporting(at) as report:
            picture = read_image(at, series=series, axes=axes)
            if channel:
                picture = picture.channel(channel)
        if report.failed:
            return 1
    k = int(n_clusters) if n_clusters else None
    return _open_napari(
        image=picture, sample=sample, n_clusters=k, illumination=illumination, screenshot=screenshot
    )


for _command in (segment, apply, batch, show):
    app.command(cls=PanelCommand, epilog=EXAMPLES[_command.__name__])(_command)


def _open_napari(*, screenshot: Path | None, **options: Any) -> int:
    """Open napari, or report why this is not possible; return the exit status."""
    try:
        from .._napari.contributions.view_command import view as open_napari

        if screenshot is not None:
            screenshot.parent.mkdir(parents=True, exist_ok=True)
        open_napari(screenshot=screenshot, **options)
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        print_message(f"view needs napari with a Qt binding ({reason}): pip install 'napari-kmeans[all]'")
        return 1
    except (OSError, RuntimeError, ValueError) as error:
        print_message(str(error))
        return 1
    return 0


def _has_display() -> bool:
    """Return whether a window can be opened; Qt would end the process if it cannot."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _view_under_xvfb(image: str | None, options: dict[str, Any]) -> int:
    """Restart on a virtual screen; return only if this is not possible."""
    missing = [program for program in ("xvfb-run", "xauth") if shutil.which(program) is None]
    if missing or _UNDER_XVFB in os.environ:
        print_message(
            "there is no display, and a virtual one needs xvfb-run: install the packages xvfb and xauth "
            "(Debian, Ubuntu), xorg-x11-server-Xvfb (Fedora) or xorg-server-xvfb (Arch)"
        )
        return 1
    command = ["xvfb-run", "-a", "-s", _SCREEN, sys.executable, "-m", "napari_kmeans", "view"]
    for name, value in options.items():
        if value not in (None, ""):
            command += [name, str(value)]
    if image is not None:
        command += ["--", image]
    os.environ[_UNDER_XVFB] = "1"
    sys.stdout.flush()
    os.execvp(command[0], command)
