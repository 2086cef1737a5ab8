from __future__ import annotations

import pytest

from napari_kmeans.blocks.progress import Cancelled, subprogress


@pytest.mark.parametrize(("begin", "end"), [(0, 1), (0.2, 0.6), (0.5, 0.5)])
def test_a_part_of_the_work_reports_its_share_of_the_whole(begin, end):
    shares = []
    part = subprogress(shares.append, begin, end)
    for share in (0, 0.25, 1):
        part(share)
    assert shares == pytest.approx([begin, begin + (end - begin) / 4, end])


def test_parts_can_be_nested():
    shares = []
    inner = subprogress(subprogress(shares.append, 0.5, 1), 0.5, 1)
    inner(0)
    inner(1)
    assert shares == [0.75, 1]


def test_subprogress_without_a_callback_is_none():
    assert subprogress(None, 0, 0.5) is None


def test_an_exception_in_the_callback_is_propagated():
    def cancel(share):
        raise Cancelled

    with pytest.raises(Cancelled):
        subprogress(cancel, 0.1, 0.2)(1)
