from __future__ import annotations

import gc
import threading
import time
import warnings
import weakref

import pytest
from qtpy.QtCore import QEvent, QThread

from napari_kmeans._napari.layers.worker import Job, Runner


@pytest.fixture
def started(qtbot):
    """Start a job, and collect what it signals."""

    def start(function):
        job = Job(function)
        signals = []
        job.succeeded.connect(lambda value: signals.append(("succeeded", value)))
        job.failed.connect(lambda error: signals.append(("failed", error)))
        job.start()
        return job, signals

    return start


def test_result_arrives_on_the_main_thread(qtbot):
    threads = []

    def work(progress):
        threads.append(threading.current_thread())
        return 42

    job = Job(work)
    job.succeeded.connect(lambda _: threads.append(QThread.currentThread().isMainThread()))
    with qtbot.waitSignal(job.succeeded, timeout=10_000) as done:
        job.start()
    assert done.args == [42]
    assert threads[0] is not threading.main_thread()
    assert threads[1]


def test_filters_and_display_of_warnings_stay_as_they_are(started, finish_threads):
    before = list(warnings.filters), warnings.showwarning
    _, signals = started(lambda progress: (list(warnings.filters), warnings.showwarning))
    finish_threads()
    assert signals == [("succeeded", before)]


def test_a_job_that_ends_after_its_signals_were_deleted_raises_nothing(qapp):
    signals = []

    def work(progress):
        signals[0].deleteLater()
        qapp.sendPostedEvents(signals[0], QEvent.Type.DeferredDelete.value)

    job = Job(work)
    signals.append(job._worker.signals)
    job._worker.run()  # as Qt calls it; an exception there would end the process


def test_an_error_in_a_job_is_emitted_instead_of_raised(qtbot, started, finish_threads):
    _, signals = started(lambda progress: 1 / 0)
    finish_threads()
    [(name, error)] = signals
    assert name == "failed"
    assert isinstance(error, ZeroDivisionError)


def test_progress_is_reported(qtbot):
    job = Job(lambda progress: progress(0.25))
    with qtbot.waitSignal(job.progressed, timeout=10_000) as told:
        job.start()
    assert told.args == [0.25]


def test_a_cancelled_job_ends_at_its_next_report_and_emits_nothing(started, finish_threads):
    begun, go_on, reached = threading.Event(), threading.Event(), []

    def work(progress):
        begun.set()
        assert go_on.wait(10)
        progress(0.5)
        reached.append("the next block")

    job, signals = started(work)
    assert begun.wait(10)
    job.cancel()
    go_on.set()
    finish_threads()
    assert not reached
    assert not signals


def test_the_result_of_a_cancelled_job_is_dropped(started, finish_threads):
    go_on = threading.Event()
    job, signals = started(lambda progress: go_on.wait(10))
    job.cancel()
    go_on.set()
    finish_threads()
    assert not signals


class Large:
    pass


@pytest.mark.parametrize("outcome", ["done", "failed", "cancelled"])
def test_a_finished_job_keeps_no_reference_to_its_data(viewer, finish_threads, outcome):
    # The viewer's window keeps every worker for good.
    image = Large()
    gone = weakref.ref(image)

    def work(progress, image=image):
        if outcome == "failed":
            raise ValueError(image)
        progress(0.5)
        return image

    job = Job(work)
    if outcome == "cancelled":
        job.cancel()
    job.start()
    finish_threads()
    del image, work, job
    gc.collect()
    assert gone() is None


def test_closing_the_window_names_what_runs(viewer, finish_threads, qtbot):
    tasks, go_on = viewer.window._task_status_manager, threading.Event()
    job = Job(lambda _: go_on.wait(10))
    job.start()
    qtbot.waitUntil(lambda: tasks.get_status() == ["napari-worker: Executing k-means"])
    go_on.set()
    finish_threads()
    assert not tasks.is_busy()


def test_queued_jobs_run_one_after_another(qtbot, qapp):
    runner, results, gate = Runner(qapp), [], threading.Event()

    def slow(progress):
        gate.wait(10)
        return "slow"

    runner.queue("a", slow, results.append)
    runner.queue("b", lambda progress: "b, first press", results.append)
    runner.queue("c", lambda progress: 1 / 0, results.append)
    runner.queue("b", lambda progress: "b, second press", results.append)
    gate.set()
    qtbot.waitUntil(lambda: not runner.busy)
    assert results == ["slow", "b, second press"]


def test_stopping_drops_the_running_and_the_queued_jobs(qtbot, qapp, finish_threads):
    runner, results = Runner(qapp), []
    runner.queue("a", lambda progress: time.sleep(0.2), results.append)
    runner.queue("b", lambda progress: None, results.append)
    runner.stop()
    assert not runner.busy
    finish_threads()
    assert results == []
