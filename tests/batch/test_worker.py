from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from napari_kmeans.batch import Input, Outputs, Task, plan
from napari_kmeans.batch.run import receive, send

tifffile = pytest.importorskip("tifffile")


def test_a_worker_takes_jobs_until_its_input_ends(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.arange(20, dtype=np.uint8).reshape(4, 5))
    jobs = plan([Input(tmp_path / "x.tif"), Input(tmp_path / "absent.tif")], Outputs(tmp_path / "out"))
    command = [sys.executable, "-c", "from napari_kmeans.batch.worker import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        send(process.stdin, (Task(), {"overwrite": False}))
        assert receive(process.stdout) == "started"
        statuses = []
        for job in jobs:
            send(process.stdin, (job, 1))
            statuses.append(receive(process.stdout).status)
        process.stdin.close()
        assert process.wait(20) == 0
    assert statuses == ["done", "failed"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x-labels.tif"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs kill -9")
def test_workers_end_with_the_process_that_started_them() -> None:
    """The process ends by a signal that it cannot handle."""
    code = (
        "import os, sys, time, subprocess, threading\n"
        "from collections import deque\n"
        "from queue import SimpleQueue\n"
        "from napari_kmeans.batch import run as module\n"
        "from napari_kmeans.batch.run import _Worker\n"
        "from napari_kmeans.batch import Task\n"
        "worker = _Worker(Task(), {}, deque(), SimpleQueue(), 2)\n"
        "worker.__enter__()\n"
        "worker._thread.join()\n"
        "print(worker._process.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    state = Path(f"/proc/{pid}/stat").read_text().split()[2] if Path(f"/proc/{pid}/stat").exists() else ""
    assert state in ("", "Z")  # a zombie has ended and waits for its parent
