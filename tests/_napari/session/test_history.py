from __future__ import annotations

from dataclasses import replace

from napari_kmeans._napari.layers.layer_recipe import LayerRecipe
from napari_kmeans._napari.session.history import History

FIRST, SECOND, THIRD = (LayerRecipe(smooth=float(sigma)) for sigma in range(3))


def test_steps_of_a_gesture_are_undone_together():
    history = History()
    history.record(FIRST)
    history.record(SECOND)
    assert history.undo(THIRD) == FIRST
    assert history.redo(FIRST) == THIRD
    assert history.redo(THIRD) is None


def test_each_gesture_is_a_step():
    history = History()
    history.record(FIRST)
    history.end_gesture()
    history.record(SECOND)
    assert [history.undo(THIRD), history.undo(SECOND), history.undo(FIRST)] == [SECOND, FIRST, None]


def test_a_new_change_drops_what_was_undone():
    history = History()
    history.record(FIRST)
    history.undo(SECOND)
    history.record(FIRST)
    assert history.redo(THIRD) is None


def test_update_changes_past_and_future_settings():
    history = History([FIRST], [SECOND])
    history.update(lambda settings: replace(settings, coherence=1.0))
    assert [settings.coherence for settings in (*history.past, *history.future)] == [1.0, 1.0]
