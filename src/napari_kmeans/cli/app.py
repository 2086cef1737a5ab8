"""The commands: ``view``, ``segment`` and ``apply``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from .. import __version__

try:
    import typer
except ImportError as error:
    raise SystemExit(
        f"napari-kmeans: the command line needs {error.name}: pip install 'napari-kmeans[cli]'"
    ) from None

from ..blocks.arrays import in_memory
from ..blocks.dask_cluster import use_scheduler
from ..blocks.pixels import Pixels
from ..features.channels import Channels
from ..features.extractor import FeatureExtractor
from ..features.registry import FEATURES
from ..features.texture import Texture
from ..io.image_file import ImageFile, location
from ..io.images import read_image
from ..kmeans.clustering import MAX_CLUSTERS
from ..labels.clean_up import CleanUp
from ..labels.objects import split_into_objects
from ..model.model import KMeansModel
from ..model.recipe import Recipe
from ..model.segmentation import Segmentation, label_pixels, segment_pixels
from ..preprocess.illumination import KINDS
from . import batch
from .options import Physical, Units, choose, clean_up_of, recipe_of, takes_options_of
from .steady_output import steady_output

_SCREEN = "-screen 0 1400x900x24"
_UNDER_XVFB = "NAPARI_KMEANS_UNDER_XVFB"
_STOPPED = 130  # the exit status that a shell reports for Ctrl-C

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
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
Objects = Annotated[
    bool, typer.Option("--objects", help="Also write connected parts and their measures, as TIFF and CSV.")
]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: all went well; 1: an input failed; 2: wrong usage; 130: stopped by Ctrl-C.
    """
    with steady_output():
        return _run(args)


def _run(args: Sequence[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        status = command.main(args, prog_name="napari-kmeans", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        status = _STOPPED
    except Exception as error:
        # The class of usage errors is not public in every version of typer; this attribute identifies them.
        if not hasattr(error, "format_message"):
            raise
        batch.say(f"{error.format_message().rstrip('.')}; see --help")
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
        int | None,
        typer.Option("-k", "--clusters", min=2, max=MAX_CLUSTERS, metavar="N", help="Number of clusters."),
    ] = None,
    illumination: Annotated[
        str | None,
        typer.Option(metavar="KIND", help=f"Remove uneven illumination: {' or '.join(KINDS)}."),
    ] = None,
    channel: Channel = "",
    screenshot: Annotated[
        Path | None,
        typer.Option(metavar="OUT.png", help="Write a picture of the window there (replacing one) and exit."),
    ] = None,
) -> int:
    """Open napari with the dock and a segmented image."""
    from .._napari.contributions.sample_data import SAMPLES

    if image is not None and sample is not None:
        raise typer.BadParameter("name an image or a sample, not both", param_hint="--sample")
    if sample is not None:
        choose("--sample", sample, SAMPLES)
    if illumination is not None:
        choose("--illumination", illumination, KINDS)
    if screenshot is not None and screenshot.suffix.lower() != ".png":
        raise typer.BadParameter(f"{screenshot} must end in .png", param_hint="--screenshot")
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        # Checked here, since Qt ends the process when it finds no screen.
        if screenshot is None:
            batch.say("there is no screen to open a window on; --screenshot OUT.png makes a picture of it")
            return 1
        return _view_under_xvfb(image, sample, n_clusters, illumination, channel, screenshot)
    picture = None
    if image is not None:
        with batch.reporting(location(image)) as report:
            picture = read_image(location(image))
            if channel:
                picture = picture.channel(channel)
        if report.failed:
            return 1
    try:
        from .._napari.contributions.view_command import view as open_napari

        if screenshot is not None:
            screenshot.parent.mkdir(parents=True, exist_ok=True)
        open_napari(
            image=picture,
            sample=sample,
            n_clusters=n_clusters,
            illumination=illumination,
            screenshot=screenshot,
        )
    except ImportError as error:
        reason = str(error).strip().partition("\n")[0]
        batch.say(f"view needs napari with a Qt binding ({reason}): pip install 'napari-kmeans[all]'")
        return 1
    except (OSError, RuntimeError, ValueError) as error:
        batch.say(str(error))
        return 1
    return 0


@app.command()
@takes_options_of(Recipe, Channels, Texture, CleanUp)
def segment(
    images: Images,
    n_clusters: Annotated[
        str,
        typer.Option(
            "-k", "--clusters", metavar="N|auto", help=f"Number of clusters, 1 to {MAX_CLUSTERS}, or auto."
        ),
    ],
    out: Out = None,
    in_image: InImage = "",
    channel: Channel = "",
    features: Annotated[
        str, typer.Option(metavar="F", help=f"What to cluster by: {', '.join(FEATURES)}.")
    ] = "gray",
    table: Annotated[
        bool, typer.Option("--table", help="Also write a table of the clusters as CSV.")
    ] = False,
    figure: Annotated[
        bool, typer.Option("--figure", help="Also draw image, clusters and histogram.")
    ] = False,
    save_model: Annotated[
        Path | None, typer.Option(metavar="M.json", help="Save the model of a single image, for `apply`.")
    ] = None,
    objects: Objects = False,
    physical: Physical = False,
    scheduler: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Read lazy images on the Dask cluster of this scheduler."),
    ] = "",
    overwrite: Overwrite = False,
    **options: Any,
) -> int:
    """Label the clusters of each image: 1 = darkest … k = brightest, 0 = excluded."""
    asked, smooth, units = recipe_of(n_clusters, features, options), options["smooth"], Units(physical)

    def cluster(image: ImageFile, stage: batch.Stage) -> batch.Result:
        recipe = units.recipe(asked, smooth, image)
        if image.nodata is not None:
            recipe = replace(recipe, exclude=tuple(dict.fromkeys([*recipe.exclude, image.nodata])))
        pixels = _pixels(image, recipe.extractor)
        result = segment_pixels(
            pixels,
            recipe,
            image.channel_axis,
            stage("segmenting"),
            grid=units.grid(image),
            in_memory=objects,
        )
        return _result(result, image, stage, units, objects)

    jobs = _plan(images, out, in_image, table, figure, save_model, objects)
    try:
        with use_scheduler(scheduler):
            return batch.run(jobs, cluster, channel=channel, overwrite=overwrite)
    except ImportError:
        batch.say("--scheduler needs distributed: pip install 'napari-kmeans[cluster]'")
    except OSError as error:  # of the scheduler; errors of an image are reported with it
        batch.say(str(error))
    return 1


@app.command()
@takes_options_of(CleanUp)
def apply(
    model_file: Annotated[Path, typer.Argument(metavar="MODEL.json", help="Made by `segment --save-model`.")],
    images: Images,
    out: Out = None,
    in_image: InImage = "",
    channel: Channel = "",
    objects: Objects = False,
    physical: Physical = False,
    overwrite: Overwrite = False,
    **options: Any,
) -> int:
    """Label images with the clusters of another image."""
    jobs = _plan(images, out, in_image, objects=objects)
    clean_up, units = clean_up_of(options), Units(physical)
    with batch.reporting(model_file) as report:
        model = KMeansModel.load(model_file)
    if report.failed:
        return 1

    def label(image: ImageFile, stage: batch.Stage) -> batch.Result:
        pixels = model.coherent(_pixels(image, model.extractor), stage("reading"))
        grid = units.grid(image)
        result = label_pixels(pixels, model, clean_up, stage("labelling"), grid=grid, in_memory=objects)
        return _result(result, image, stage, units, objects)

    return batch.run(jobs, label, channel=channel, overwrite=overwrite)


def _result(
    segmentation: Segmentation, image: ImageFile, stage: batch.Stage, units: Units, objects: bool
) -> batch.Result:
    """Split the labels into objects where asked."""
    if not objects:
        return batch.Result(segmentation)
    grid = units.grid(image)
    numbers, table = split_into_objects(
        segmentation.labels,
        intensity_image=np.asarray(in_memory(image.data)),
        channel_axis=image.channel_axis,
        spacing=grid.spacing,
        per_axis=list(grid.separate_axes) or None,
        progress=stage("measuring objects"),
    )
    if units.physical:
        table["unit"] = [image.unit] * len(table["index"])
    return batch.Result(segmentation, numbers, table)


def _plan(
    images: Sequence[str],
    out: Path | None,
    in_image: str,
    table: bool = False,
    figure: bool = False,
    save_model: Path | None = None,
    objects: bool = False,
) -> list[batch.Job]:
    try:
        return batch.plan(
            [location(image) for image in images],
            out,
            in_image=in_image,
            table=table,
            figure=figure,
            model=save_model,
            objects=objects,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--in-image" if in_image else "-o") from None


def _pixels(image: ImageFile, extractor: FeatureExtractor) -> Pixels:
    """Return the pixels of an image; channels that are not colours have no single intensity."""
    if image.channel_axis is not None and not image.is_color and extractor.name != Channels.name:
        n_channels = image.data.shape[image.channel_axis]
        names = f": {', '.join(image.channel_names)}" if image.channel_names else f" 0 to {n_channels - 1}"
        raise ValueError(
            f"it has {n_channels} channels that are not colours; use --features channels, or choose one "
            f"channel by --channel{names}"
        )
    return Pixels.of(image.data, features=extractor, channel_axis=image.channel_axis)


def _view_under_xvfb(
    image: str | None,
    sample: str | None,
    n_clusters: int | None,
    illumination: str | None,
    channel: str,
    screenshot: Path,
) -> int:
    """Restart on a virtual screen; return only if there is none."""
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
    if illumination is not None:
        command += ["--illumination", illumination]
    if channel:
        command += ["--channel", channel]
    if image is not None:
        command += ["--", image]
    os.environ[_UNDER_XVFB] = "1"
    sys.stdout.flush()
    os.execvp(command[0], command)
