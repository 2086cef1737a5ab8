"""Output of the command line: results, errors and warnings in one line each, and progress."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..batch.one_image import ERRORS, Outcome, reason, with_path
from ..batch.plan import Job
from ..batch.task import Stage
from ..blocks.progress import Progress
from ..io.image_file import Location


def print_message(message: str) -> None:
    """Print a message to standard error, as a single line."""
    print(f"napari-kmeans: {' '.join(message.split())}", file=sys.stderr)


def print_warning(message: str) -> None:
    """Print a warning, with Python keywords written as options."""
    options = re.sub(r'match="([a-z]+)"', r"--match \1", message)
    print_message(f"warning: {options}")


@contextlib.contextmanager
def printed_warnings() -> Iterator[None]:
    """Print warnings in a line each: only those for users, not those for developers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: print_warning(str(message))
        yield


@dataclass
class Report:
    """Whether a piece of work has failed."""

    failed: bool = False


@contextlib.contextmanager
def reporting(path: Location) -> Iterator[Report]:
    """Report an error and warnings about a file, in one line each."""
    report = Report()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        try:
            yield report
        except ERRORS as error:
            report.failed = True
            message = with_path(path, reason(error))
    for warning in caught:
        print_warning(with_path(path, str(warning.message)))
    if report.failed:
        print_message(message)


@contextlib.contextmanager
def suggesting(command: str, kind: str) -> Iterator[None]:
    """Suggest another command if a JSON file is of the kind that it reads, a model or a recipe."""
    try:
        yield
    except ValueError as error:
        if f"its format is 'napari-kmeans {kind}'" not in str(error):
            raise
        raise ValueError(f"{error}; use napari-kmeans {command}") from None


def print_outcome(outcome: Outcome) -> None:
    """Print the outputs of an image, that it was skipped, or why it failed."""
    for message in outcome.warnings:
        print_warning(message)
    if outcome.error:
        print_message(outcome.error)
        return
    labels, *others = outcome.job.outputs
    if outcome.status == "skipped":
        print(f"{labels}: skipped")
        return
    print(f"{labels}: k = {outcome.n_clusters}, {outcome.seconds:.2f} s")
    for path in others:
        print(path)


def print_failures(outcomes: Sequence[Outcome]) -> None:
    """If there are several images, print which of them failed, and how many have outputs that exist."""
    failed = [each.job.image for each in outcomes if each.status == "failed" and not each.not_replaced]
    n_kept = sum(outcome.not_replaced for outcome in outcomes)
    if len(outcomes) < 2:
        return
    if n_kept:
        print_message(f"outputs of {n_kept} of {len(outcomes)} images already exist and were not replaced")
    if failed:
        print_message(f"{len(failed)} of {len(outcomes)} images failed: {', '.join(map(str, failed))}")


def print_summary(outcomes: Sequence[Outcome], seconds: float) -> None:
    """Print how many images were done, skipped, not replaced and failed, and how long it took."""
    counts = Counter("not replaced" if each.not_replaced else each.status for each in outcomes)
    statuses = ("done", "skipped", "not replaced", "failed")
    parts = [f"{counts[status]} {status}" for status in statuses if counts[status]]
    n = len(outcomes)
    print_message(f"{n} image{'s' * (n != 1)}: {', '.join(parts)}, in {format_seconds(seconds)}")


def format_seconds(seconds: float) -> str:
    """Return a duration, such as "3.2 s" or "1:02:03"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"


class ProgressBar:
    """A progress bar of a batch, shown only on a terminal: the stage of the current image and the time left.

    Parameters
    ----------
    n_images : int
    """

    def __init__(self, n_images: int) -> None:
        # isatty, because rich treats a log file as a terminal if colours are forced.
        self._bar = _bar(n_images) if sys.stderr.isatty() else None
        self._all = self._bar.add_task("all images", total=n_images) if self._bar and n_images > 1 else None

    def __enter__(self) -> ProgressBar:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def stage_of(self, job: Job) -> Stage:
        """Return the callable that begins a stage of an image."""
        return self.stage_with_title(job.image.name)

    def stage_with_title(self, title: str) -> Stage:
        """Return the callable that begins a stage of some work."""
        bar = self._bar

        def stage(name: str) -> Progress:
            if bar is None:
                return lambda share: None
            for task in bar.task_ids:
                if task != self._all:
                    bar.remove_task(task)
            task = bar.add_task(f"{title}: {name}", total=None)
            return lambda share: bar.update(task, completed=share, total=1)

        return stage

    def advance(self, outcome: Outcome) -> None:
        """Print the outcome of an image, above the bar."""
        if self._bar is None:
            print_outcome(outcome)
            return
        self._bar.stop()
        print_outcome(outcome)
        if self._all is not None:
            self._bar.advance(self._all)
        self._bar.start()


def _bar(n_images: int) -> Any:
    """Return a progress bar for this number of images, which is not started yet."""
    from rich import progress
    from rich.console import Console

    columns: list[Any] = [
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
    ]
    if n_images > 1:
        columns += [progress.MofNCompleteColumn(), progress.TimeRemainingColumn()]
    # Output is not redirected, because lines are only printed while the bar is stopped.
    options = {"transient": True, "redirect_stdout": False, "redirect_stderr": False}
    return progress.Progress(*columns, console=Console(stderr=True), **options)
