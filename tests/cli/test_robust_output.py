from __future__ import annotations

import io
import os
import sys

import pytest

from napari_kmeans.cli.robust_output import robust_output


def test_names_that_the_console_cannot_encode_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252", newline="\n"))
    with robust_output():
        print("café 中.png")
        print("b.png")
    assert written.getvalue() == "café \\u4e2d.png\nb.png\n".encode("cp1252")


@pytest.mark.skipif(sys.platform == "win32", reason="closes the reading end of a POSIX pipe")
def test_a_closed_output_pipe_raises_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    stream = os.fdopen(writing, "w")
    monkeypatch.setattr(sys, "stdout", stream)
    os.close(reading)
    done = []
    with robust_output():
        for i in range(3):
            print(i, flush=True)
            done.append(i)
    stream.close()  # raises if output is left that cannot be written
    assert done == [0, 1, 2]


def test_output_without_a_stream_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with robust_output():
        print("nowhere")
    assert sys.stdout is None
