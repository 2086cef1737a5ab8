"""Undo and redo: one step for each gesture, such as a drag of a slider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..layers.layer_recipe import LayerRecipe


@dataclass
class History:
    """Earlier settings of an image, and those that were undone.

    Attributes
    ----------
    past : list of LayerRecipe
        Earlier settings, the latest last.
    future : list of LayerRecipe
        Undone settings, the next to redo last.
    """

    past: list[LayerRecipe] = field(default_factory=list)
    future: list[LayerRecipe] = field(default_factory=list)
    _in_gesture: bool = False

    def record(self, settings: LayerRecipe) -> None:
        """Store the settings before a change, unless the change continues a gesture."""
        if not self._in_gesture:
            self.past.append(settings)
            self.future.clear()
        self._in_gesture = True

    def end_gesture(self) -> None:
        """Make the next change a separate step."""
        self._in_gesture = False

    def undo(self, settings: LayerRecipe) -> LayerRecipe | None:
        """Return the settings before the last gesture, or None if there was none."""
        return self._step(settings, self.past, self.future)

    def redo(self, settings: LayerRecipe) -> LayerRecipe | None:
        """Return the settings that were undone last, or None."""
        return self._step(settings, self.future, self.past)

    def _step(
        self, settings: LayerRecipe, taken: list[LayerRecipe], given: list[LayerRecipe]
    ) -> LayerRecipe | None:
        self.end_gesture()
        if not taken:
            return None
        given.append(settings)
        return taken.pop()

    def update(self, change: Callable[[LayerRecipe], LayerRecipe]) -> None:
        """Change all stored settings."""
        self.past = [change(settings) for settings in self.past]
        self.future = [change(settings) for settings in self.future]
