"""Batches of images: the engine of the command line and of the dock's *Apply to files…*.

A batch has three parts. `find_inputs` finds images, `plan` decides which files to write for each, and `run`
processes them with a `Task` and yields an `Outcome` for each image::

    task = Task(recipe)  # or Task.applying(model), or fit_together(Task(recipe), images, stage).task
    inputs, _ = find_inputs(["data"], recursive=True, out=out)
    jobs = plan(inputs, Outputs(out, table=True), tree=True)
    for outcome in run(jobs, task, n_processes=2, skip_existing=True):
        print(outcome.job.image, outcome.status, outcome.error)

This package prints nothing and reports progress through callbacks. Closing the iterator, or raising an
exception in a callback, stops all work and leaves no incomplete outputs, so `run` can be used in a worker
thread.
"""

from .inputs import Input, find_inputs, read_file_list
from .one_image import Outcome
from .plan import Job, Outputs, plan
from .run import run
from .tables import check_contact_sheet, check_table, write_contact_sheet, write_tables
from .task import Stage, Task
from .together import fit_together

__all__ = [
    "Input",
    "Job",
    "Outcome",
    "Outputs",
    "Stage",
    "Task",
    "check_contact_sheet",
    "check_table",
    "find_inputs",
    "fit_together",
    "plan",
    "read_file_list",
    "run",
    "write_contact_sheet",
    "write_tables",
]
