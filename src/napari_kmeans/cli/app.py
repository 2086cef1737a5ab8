"""The command line: ``napari-kmeans view``, ``segment`` and ``apply``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..blocks.arrays import in_memory
from ..blocks.dask_cluster import cluster_at
from ..blocks.loop import Progress, boxes, run, summarise
from ..blocks.pixels import Pixels
from ..features import FEATURES
from ..features.extractor import SATURATED, Description
from ..io.files import read_image
from ..io.image_file import ImageFile, location
from ..kmeans.clustering import SOLVERS, Optimum
from ..labels.clean_up import CleanUp, clean_labels
from ..labels.objects import split_into_objects
from ..model.labelling import count_labels
from ..model.model import MAX_CLUSTERS, KMeansModel
from ..pipeline import check_solver, counted, label_and_count, model_of, optimum_of
from . import batch

try:
    import typer
except ImportError as error:
    raise SystemExit(
        f"napari-kmeans: the command line needs {error.name}: pip install 'napari-kmeans[cli]'"
    ) from None

_SCREEN = "-screen 0 1400x900x24"
_UNDER_XVFB = "NAPARI_KMEANS_UNDER_XVFB"
_STOPPED = 130  # as a shell reports a program that Ctrl-C ended

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

_KINDS = "OME-Zarr (a folder or a URL), TIFF, PNG or JPEG"
Images = Annotated[list[str], typer.Argument(metavar="IMAGE", help=f"{_KINDS}.")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--out", metavar="OUT", help="Folder, or a .tif or .ome.zarr file for a single image."
    ),
]
InImage = Annotated[
    str,
    typer.Option(metavar="NAME", help="Write the labels into the OME-Zarr image itself, as labels/NAME."),
]
Channel = Annotated[str, typer.Option(metavar="C", help="Use one channel, by its name or its index from 0.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]
Majority = Annotated[
    float,
    typer.Option("--majority", min=0, metavar="R", help="Smooth labels: the most frequent one within R."),
]
MinSize = Annotated[
    float, typer.Option("--min-size", min=0, metavar="N", help="Give regions smaller than N to a neighbour.")
]
FillHoles = Annotated[
    float, typer.Option("--fill-holes", min=0, metavar="N", help="Fill holes smaller than N.")
]
Physical = Annotated[
    bool, typer.Option("--physical", help="S, R, N and measures are in the file's unit, not in pixels.")
]
Objects = Annotated[
    bool, typer.Option("--objects", help="Write connected parts and their measures as TIFF and CSV, too.")
]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: all went well; 1: an input failed; 2: wrong usage; 130: stopped by Ctrl-C.
    """
    command = typer.main.get_command(app)
    try:
        status = command.main(args, prog_name="napari-kmeans", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        status = _STOPPED
    except Exception as error:
        # What a wrong usage raises is not public in every version of typer; it can be told by this.
        if not hasattr(error, "format_message"):
            raise
        batch.say(f"{error.format_message().rstrip('.')}; --help tells more")
        return int(getattr(error, "exit_code", 2))
    if status == _STOPPED:
        batch.say("stopped")
    return int(status or 0)


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


@app.command()
def view(
    image: Annotated[str | None, typer.Argument(metavar="IMAGE", help=f"{_KINDS}.")] = None,
    sample: Annotated[str | None, typer.Option(metavar="NAME", help="A sample image instead.")] = None,
    n_clusters: Annotated[
        int | None, typer.Option("-k", "--clusters", min=2, max=MAX_CLUSTERS, metavar="N", help="Clusters.")
    ] = None,
    channel: Channel = "",
    screenshot: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Leave a picture of the window there (replacing one) and end."),
    ] = None,
) -> int:
    """Open napari with the dock open and an image segmented."""
    from .._napari.contributions.sample_data import SAMPLES

    if image is not None and sample is not None:
        raise typer.BadParameter("name an image or a sample, not both", param_hint="--sample")
    if sample is not None:
        _choose("--sample", sample, SAMPLES)
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise typer.BadParameter(f"{screenshot} must end in .png", param_hint="--screenshot")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        # Looked at here, since Qt ends the process when it finds no screen.
        if screenshot is None:
            batch.say("there is no screen to open a window on; --screenshot OUT.png makes a picture of it")
            return 1
        return _view_under_xvfb(image, sample, n_clusters, channel, screenshot)
    picture = None
    if image is not None:
        with batch.reporting(location(image)) as report:
            picture = read_image(location(image))
            if channel:
                picture = picture.channel(channel)
        if report.failed:
            return 1
    try:
        from .._napari.contributions.view import view as open_napari

        if screenshot is not None:
            screenshot.parent.mkdir(parents=True, exist_ok=True)
        open_napari(image=picture, sample=sample, n_clusters=n_clusters, screenshot=screenshot)
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        batch.say(f"view needs napari with a Qt binding ({reason}): pip install 'napari-kmeans[all]'")
        return 1
    except (OSError, RuntimeError, ValueError) as error:
        batch.say(str(error))
        return 1
    return 0


@app.command()
def segment(
    images: Images,
    n_clusters: Annotated[
        str,
        typer.Option("-k", "--clusters", metavar="N|auto", help=f"Clusters: 1 to {MAX_CLUSTERS}, or auto."),
    ],
    out: Out = None,
    in_image: InImage = "",
    channel: Channel = "",
    features: Annotated[
        str, typer.Option(metavar="F", help=f"What pixels are clustered by: {', '.join(FEATURES)}.")
    ] = "gray",
    smooth: Annotated[
        float, typer.Option(min=0, metavar="S", help="Average the image before, by a Gaussian of S.")
    ] = 0,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="VALUE|saturated", help="Leave pixels of this value out.")
    ] = None,
    standardize: Annotated[
        bool | None, typer.Option(help="Of channels: measure each in its standard deviations.")
    ] = None,
    sigma: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Of texture: scales to look at, in pixels.")
    ] = None,
    window: Annotated[
        float | None, typer.Option(metavar="W", help="Of texture: average it over so many pixels.")
    ] = None,
    solver: Annotated[str, typer.Option(metavar="S", help=f"One of {', '.join(SOLVERS)}.")] = "auto",
    table: Annotated[
        bool, typer.Option("--table", help="Write what is known of clusters as CSV, too.")
    ] = False,
    figure: Annotated[
        bool, typer.Option("--figure", help="Draw image, clusters and histogram, too.")
    ] = False,
    save_model: Annotated[
        Path | None, typer.Option(metavar="M.json", help="Save the model, for `apply`; of a single image.")
    ] = None,
    majority: Majority = 0,
    min_size: MinSize = 0,
    fill_holes: FillHoles = 0,
    objects: Objects = False,
    physical: Physical = False,
    scheduler: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Read what is not in memory on the Dask cluster of this scheduler."
        ),
    ] = "",
    overwrite: Overwrite = False,
) -> int:
    """Label the clusters of each image: 1 = darkest … k = brightest, 0 = left out."""
    k: int | str = n_clusters
    if n_clusters != "auto":
        if not n_clusters.isdecimal() or not 1 <= int(n_clusters) <= MAX_CLUSTERS:
            raise typer.BadParameter(f"{n_clusters!r} must be 1 to {MAX_CLUSTERS}, or auto", param_hint="-k")
        k = int(n_clusters)
    _choose("--features", features, FEATURES)
    _choose("--solver", solver, SOLVERS)
    try:
        chosen = Description.of(
            features,
            exclude=[_value("--exclude", text) for text in exclude or ()],
            standardize=standardize,
            sigma=None if sigma is None else tuple(_value("--sigma", text) for text in sigma.split(",")),
            window=window,
        )
    except (TypeError, ValueError) as error:
        raise typer.BadParameter(str(error), param_hint="--features") from None
    finish = _finish(majority, min_size, fill_holes, objects, physical)

    def cluster(image: ImageFile, stage: batch.Stage) -> batch.Segmented:
        pixels = _pixels(image, replace(chosen, smooth=_sigma(smooth, image, physical)))
        check_solver(solver, pixels)
        optimum = optimum_of(summarise(pixels, stage("counting")))
        model = model_of(optimum, k, pixels.feature, image.channel_axis, solver, confirm=True)
        if pixels.chunks is not None and not objects:  # labels are found as they are written
            model = counted(model, pixels, stage("counting"))
            labels = model.label_lazily(pixels)
        else:
            labels, model = label_and_count(model, pixels, stage("labelling"))
        summary = optimum.summary if isinstance(optimum, Optimum) else None
        return replace(finish(labels, model, image, stage), summary=summary)

    jobs = _plan(images, out, in_image, table, figure, save_model, objects)
    try:
        with cluster_at(scheduler):
            return batch.run(jobs, cluster, channel=channel, overwrite=overwrite)
    except ImportError:
        batch.say("--scheduler needs distributed: pip install 'napari-kmeans[cluster]'")
    except OSError as error:  # of the scheduler; those of an image are told of with it
        batch.say(str(error))
    return 1


@app.command()
def apply(
    model_file: Annotated[Path, typer.Argument(metavar="MODEL.json", help="Made by `segment --save-model`.")],
    images: Images,
    out: Out = None,
    in_image: InImage = "",
    channel: Channel = "",
    majority: Majority = 0,
    min_size: MinSize = 0,
    fill_holes: FillHoles = 0,
    objects: Objects = False,
    physical: Physical = False,
    overwrite: Overwrite = False,
) -> int:
    """Label images with the clusters of another one."""
    jobs = _plan(images, out, in_image, objects=objects)
    finish = _finish(majority, min_size, fill_holes, objects, physical)
    with batch.reporting(model_file) as report:
        model = KMeansModel.load(model_file)
    if report.failed:
        return 1

    def label(image: ImageFile, stage: batch.Stage) -> batch.Segmented:
        pixels = _pixels(image, model.description)

        def of(shown: KMeansModel) -> Any:
            if pixels.chunks is not None and not objects:
                return shown.label_lazily(pixels)
            return shown.label(pixels, stage("labelling"))[0]

        if not (finish.clean_up and model.background):
            return finish(of(model), model, image, stage)
        # Background takes part in the clean-up, and what is excluded does not; both are label 0.
        labels = of(replace(model, background=()))
        mask = labels > 0
        labels = np.where(np.isin(labels, model.background), np.uint8(0), labels)
        return finish(labels, model, image, stage, mask)

    return batch.run(jobs, label, channel=channel, overwrite=overwrite)


@dataclass(frozen=True)
class _Finish:
    """What is done to labels before they are written."""

    clean_up: CleanUp
    objects: bool
    physical: bool

    def __call__(
        self,
        labels: Any,
        model: KMeansModel,
        image: ImageFile,
        stage: batch.Stage,
        mask: Any = None,
    ) -> batch.Segmented:
        """Clean labels and split them into objects, each time of a series by itself."""
        axes = image.spatial_axes
        per_axis = axes.index("T") if "T" in axes else None
        lengths = [image.pixel_size.get(axis) for axis in axes if axis != "T"]
        spacing = [length for length in lengths if length is not None] if self.physical else None
        if spacing is not None and len(spacing) < len(lengths):
            raise ValueError("it does not tell the size of its pixels, which --physical needs")
        counts = None
        if self.clean_up:
            labels = clean_labels(
                labels,
                **asdict(self.clean_up),
                spacing=spacing,
                per_axis=per_axis,
                mask=mask,
                progress=stage("cleaning up"),
            )
            counts = _counts(labels, model.n_clusters, stage("counting"))
        if not self.objects:
            return batch.Segmented(labels, model, counts)
        objects, table = split_into_objects(
            labels,
            intensity_image=np.asarray(in_memory(image.data)),
            channel_axis=image.channel_axis,
            spacing=spacing,
            per_axis=per_axis,
            progress=stage("measuring objects"),
        )
        if self.physical:
            table["unit"] = [image.unit] * len(table["index"])
        return batch.Segmented(labels, model, counts, objects=objects, object_table=table)


def _counts(labels: Any, n_clusters: int, progress: Progress) -> NDArray[np.int64]:
    """Pixels of labels 0 to k, of a lazy array block by block."""
    counts = np.zeros(n_clusters + 1, np.int64)
    cut = boxes(labels.shape, chunks=getattr(labels, "chunks", None))
    for found in run(lambda box: count_labels(in_memory(labels[box]), n_clusters), cut, progress):
        counts[1:] += found
    counts[0] = labels.size - counts.sum()
    return counts


def _finish(majority: float, min_size: float, fill_holes: float, objects: bool, physical: bool) -> _Finish:
    try:
        return _Finish(CleanUp(majority, min_size, fill_holes), objects, physical)
    except ValueError as error:
        name = str(error).partition("=")[0]
        raise typer.BadParameter(str(error), param_hint=f"--{name.replace('_', '-')}") from None


def _plan(
    images: Sequence[str],
    out: Path | None,
    in_image: str,
    table: bool = False,
    figure: bool = False,
    save_model: Path | None = None,
    objects: bool = False,
) -> list[batch.Job]:
    places = [location(image) for image in images]
    try:
        return batch.plan(
            places,
            out,
            in_image=in_image,
            table=table,
            figure=figure,
            model=save_model,
            objects=objects,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--in-image" if in_image else "-o") from None


def _choose(option: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise typer.BadParameter(f"{value!r} must be one of {', '.join(choices)}", param_hint=option)


def _value(option: str, text: str) -> float | str:
    """A number, whole ones exactly, or "saturated"."""
    try:
        return text if text == SATURATED else int(text) if text.lstrip("+-").isdecimal() else float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be a number", param_hint=option) from None


def _sigma(smooth: float, image: ImageFile, physical: bool) -> tuple[float, ...]:
    """Pixels to average over along each axis; time is not averaged over."""
    if not smooth:
        return ()
    sizes = [image.pixel_size.get(axis) if physical else 1 for axis in image.spatial_axes]
    sigma = []
    for axis, size in zip(image.spatial_axes, sizes, strict=True):
        if axis != "T" and not size:
            raise ValueError("it does not tell the size of its pixels, which --physical needs")
        sigma.append(0.0 if axis == "T" or not size else smooth / size)
    return tuple(sigma) if len(set(sigma)) > 1 else tuple(sigma[:1])


def _pixels(image: ImageFile, features: Description) -> Pixels:
    """Pixels to be clustered; channels that are no colours have no one intensity."""
    if image.channel_axis is not None and not image.is_color and features.name != "channels":
        n_channels = image.data.shape[image.channel_axis]
        names = f": {', '.join(image.channel_names)}" if image.channel_names else f" 0 to {n_channels - 1}"
        raise ValueError(
            f"it has {n_channels} channels that are no colours; use --features channels, or choose one of "
            f"them by --channel{names}"
        )
    return Pixels.of(image.data, features=features, channel_axis=image.channel_axis)


def _view_under_xvfb(
    image: str | None, sample: str | None, n_clusters: int | None, channel: str, screenshot: Path
) -> int:
    """Start over on a virtual screen; returns only if there can be none."""
    missing = [program for program in ("xvfb-run", "xauth") if shutil.which(program) is None]
    if missing or _UNDER_XVFB in os.environ:
        batch.say(
            "there is no screen, and a virtual one needs xvfb-run: install the packages xvfb and xauth "
            "(Debian, Ubuntu), xorg-x11-server-Xvfb (Fedora) or xorg-server-xvfb (Arch)"
        )
        return 1
    command = ["xvfb-run", "-a", "-s", _SCREEN, sys.executable, "-m", "napari_kmeans", "view"]
    command += ["--screenshot", str(screenshot)]
    if sample is not None:
        command += ["--sample", sample]
    if n_clusters is not None:
        command += ["-k", str(n_clusters)]
    if channel:
        command += ["--channel", channel]
    if image is not None:
        command += ["--", image]
    os.environ[_UNDER_XVFB] = "1"
    sys.stdout.flush()
    os.execvp(command[0], command)
