"""The commands that process image files: ``segment`` and ``apply``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..batch.inputs import Input, matches
from ..batch.one_image import Outcome
from ..batch.plan import Job, Outputs, identity, plan
from ..batch.run import run
from ..batch.tables import objects_path, write_contact_sheet, write_tables
from ..batch.task import Task
from ..batch.together import fit_together
from ..blocks.dask_cluster import use_scheduler
from ..features.channels import Channels
from ..features.texture import Texture
from ..io.image_file import location
from ..kmeans.clustering import MAX_CLUSTERS
from ..labels.clean_up import CleanUp
from ..model.fitted_to import MATCHES
from ..model.model import KMeansModel
from ..model.pooled import WEIGHTS
from ..model.recipe import Recipe
from ..report.provenance import write_model
from .help import completing
from .log import append_to_log
from .recipe_options import FEATURE_NAMES, choose, clean_up_of, recipe_of, takes_options_of
from .report import ProgressBar, print_failures, print_message, print_summary, reporting, suggesting
from .shared_options import (
    RUN,
    WHAT,
    Images,
    Running,
    option,
    outputs_of,
    reading_of,
    running_of,
    takes_shared_options,
)


@takes_options_of(CleanUp)
@takes_shared_options
@takes_options_of(Recipe, Channels, Texture)
def segment(
    images: Images,
    n_clusters: Annotated[
        str,
        option(
            "-k",
            "--clusters",
            metavar="N|auto|gap",
            panel=WHAT,
            help=f"Number of clusters, 1 to {MAX_CLUSTERS}, or a method that suggests it.",
        ),
    ],
    features: Annotated[
        str,
        option(
            metavar="F",
            panel=WHAT,
            help=f"Features to cluster by: {', '.join(FEATURE_NAMES)}.",
            autocompletion=completing(FEATURE_NAMES),
        ),
    ] = "gray",
    together: Annotated[
        bool, option("--together", panel=RUN, help="Fit one model to all images, instead of one per image.")
    ] = False,
    weights: Annotated[
        str,
        option(
            metavar="|".join(WEIGHTS),
            panel=RUN,
            help="With --together: give each pixel or each image the same weight.",
        ),
    ] = "",
    save_model: Annotated[
        Path | None,
        option(
            metavar="M.json",
            help="Save the model of a single image, or of --together, for `apply`.",
        ),
    ] = None,
    confirm: Annotated[
        bool,
        option(
            "--confirm", panel=WHAT, help="Confirm with scikit-learn that the clusters are optimal (1 s)."
        ),
    ] = False,
    scheduler: Annotated[
        str,
        option(
            metavar="ADDRESS", panel=RUN, help="Read lazy images on the Dask cluster with this scheduler."
        ),
    ] = "",
    **options: Any,
) -> int:
    """Label the clusters of each image.

    Labels are 1 for the darkest cluster to k for the brightest, and 0 for excluded pixels.
    """
    images = matches(images)
    if weights:
        choose("--weights", weights, WEIGHTS)
        if not together:
            raise typer.BadParameter("it requires --together", param_hint="--weights")
    if save_model is not None and len(images) > 1 and not together:
        raise typer.BadParameter(
            f"{save_model} can store only one model, but there are {len(images)} images; fit one model to all of them by "
            "--together",
            param_hint="--save-model",
        )
    running = running_of(options)
    if scheduler and running.n_processes > 1:
        raise typer.BadParameter("choose --scheduler or --jobs, not both", param_hint="--jobs")
    recipe = recipe_of(n_clusters, features, options)
    task = Task(recipe, confirm=confirm, **reading_of(options))
    todo = _plan(images, outputs_of(options, None if together else save_model))
    pooled_model = save_model if together else None
    check_shared_outputs(todo, running, model=pooled_model)
    if (
        pooled_model is not None
        and pooled_model.exists()
        and not (running.overwrite or running.skip_existing)
    ):
        raise typer.BadParameter(
            f"{pooled_model} already exists; use --overwrite to replace it", param_hint="--save-model"
        )
    try:
        with use_scheduler(scheduler):
            if together:
                return _run_together(todo, task, weights or WEIGHTS[0], save_model, running)
            return run_jobs(todo, task, running)
    except ImportError:
        print_message("--scheduler needs distributed: pip install 'napari-kmeans[cluster]'")
    except OSError as error:  # from the scheduler; errors of an image are reported separately
        print_message(str(error))
    return 1


@takes_options_of(CleanUp)
@takes_shared_options
def apply(
    model_file: Annotated[
        Path,
        typer.Argument(metavar="MODEL.json", help="Model saved by the dock or by `segment --save-model`."),
    ],
    images: Images,
    match: Annotated[
        str,
        option(
            metavar="|".join(MATCHES),
            autocompletion=completing(MATCHES),
            panel=WHAT,
            help="For images that differ from the fitted one: keep the clusters, scale them to the range of each image, "
            "or fit the recipe to each image.",
        ),
    ] = MATCHES[0],
    **options: Any,
) -> int:
    """Label images with the clusters of another image."""
    choose("--match", match, MATCHES)
    running = running_of(options)
    todo = _plan(matches(images), outputs_of(options))
    check_shared_outputs(todo, running, read=model_file)
    recipe = replace(Recipe(), clean_up=clean_up_of(options))
    with reporting(model_file) as report, suggesting("batch", "recipe"):
        model = KMeansModel.load(model_file)
    if report.failed:
        return 1
    task = Task.applying(model, recipe, match=match, **reading_of(options))
    return run_jobs(todo, task, running)


def _plan(images: Sequence[str], outputs: Outputs) -> list[Job]:
    """Determine the files to write for images given by path or URL."""
    return plan_jobs([Input(location(image)) for image in images], outputs)


def plan_jobs(inputs: Sequence[Input], outputs: Outputs, *, tree: bool = False) -> list[Job]:
    """Determine the files to write; raise `typer.BadParameter` if they cannot be written."""
    try:
        return plan(inputs, outputs, tree=tree)
    except ValueError as error:
        hint = "--in-image" if outputs.in_image else "-o"
        raise typer.BadParameter(str(error), param_hint=hint) from None


def check_shared_outputs(
    jobs: Sequence[Job], running: Running, *, model: Path | None = None, read: Path | None = None
) -> None:
    """Raise `typer.BadParameter` if an output of the whole run would replace one of its other files.

    Parameters
    ----------
    jobs : sequence of Job
    running : Running
    model : Path, optional
        Model of all images to save.
    read : Path, optional
        File with the model or the recipe.
    """
    taken = {identity(path) for job in jobs for path in [job.image, *job.outputs]}
    if read is not None:
        taken.add(identity(read))
    tables = [] if running.table is None else [running.table]
    if tables and any(job.object_table is not None for job in jobs):
        tables.append(objects_path(tables[0]))
    for option_name, paths in (
        ("--save-model", [model]),
        ("--table", tables),
        ("--contact-sheet", [running.contact_sheet]),
        ("--log", [running.log]),
    ):
        for path in paths:
            if path is not None and identity(path) in taken:
                raise typer.BadParameter(f"{path} is an input or another output", param_hint=option_name)
            if path is not None:
                taken.add(identity(path))


def _run_together(
    jobs: Sequence[Job], task: Task, weights: str, save_model: Path | None, running: Running
) -> int:
    """Fit one model to all images, and label them with it."""
    with reporting(Path("--together")) as report, ProgressBar(1) as bar:
        pooled = fit_together(
            task, [job.image for job in jobs], bar.stage_with_title("all images"), weights=weights
        )
    if report.failed:
        return 1
    model = pooled.task.model
    assert model is not None
    if save_model is not None:
        with reporting(save_model) as report:
            save_model.parent.mkdir(parents=True, exist_ok=True)
            write_model(save_model, pooled.record)
        if report.failed:
            return 1
        print(f"{save_model}: k = {model.n_clusters}")
    return run_jobs(jobs, pooled.task, running)


def run_jobs(jobs: Sequence[Job], task: Task, running: Running, *, summary: bool = False) -> int:
    """Process all images, print a line for each output, write shared outputs, and return the exit status."""
    begin = time.monotonic()
    outcomes: list[Outcome] = []
    failed = False
    if running.log is not None:
        with reporting(running.log) as report:
            running.log.parent.mkdir(parents=True, exist_ok=True)
            append_to_log(running.log)
        if report.failed:
            return 1
    with ProgressBar(len(jobs)) as bar:
        for outcome in run(
            jobs,
            task,
            n_processes=running.n_processes,
            overwrite=running.overwrite,
            skip_existing=running.skip_existing,
            rows=running.table is not None,
            thumbnails=running.contact_sheet is not None,
            stage=bar.stage_of,
        ):
            bar.advance(outcome)
            outcomes.append(outcome)
            if running.log is not None:
                with reporting(running.log) as report:
                    append_to_log(running.log, outcome)
                failed = failed or report.failed
    failed = failed or any(outcome.status == "failed" for outcome in outcomes)
    if running.table is not None and any(outcome.status != "failed" for outcome in outcomes):
        with reporting(running.table) as report:
            for path in write_tables(running.table, jobs, outcomes, task):
                print(path)
        failed = failed or report.failed
    if running.contact_sheet is not None and any(outcome.status != "failed" for outcome in outcomes):
        with reporting(running.contact_sheet) as report:
            write_contact_sheet(running.contact_sheet, jobs, outcomes, task)
            print(running.contact_sheet)
        failed = failed or report.failed
    print_failures(outcomes)
    if summary or any(outcome.status == "skipped" for outcome in outcomes):
        print_summary(outcomes, time.monotonic() - begin)
    return 1 if failed else 0
