"""Undo and redo: one step for each gesture, however many values a slider passed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..layers.layer_recipe import LayerRecipe


@dataclass
class History:
    """What was asked for an image before, and what was undone.

    Attributes
    ----------
    past : list of LayerRecipe
        Earlier ones, the latest last.
    future : list of LayerRecipe
        Undone ones, the next to redo last.
    """

    past: list[LayerRecipe] = field(default_factory=list)
    future: list[LayerRecipe] = field(default_factory=list)
    _in_gesture: bool = False

    def record(self, asked: LayerRecipe) -> None:
        """Store what is about to change, unless the change continues a gesture."""
        if not self._in_gesture:
            self.past.append(asked)
            self.future.clear()
        self._in_gesture = True

    def end_gesture(self) -> None:
        """Make the next change a step of its own."""
        self._in_gesture = False

    def undo(self, asked: LayerRecipe) -> LayerRecipe | None:
        """Return what was asked before the last gesture, or None if there was none."""
        return self._step(asked, self.past, self.future)

    def redo(self, asked: LayerRecipe) -> LayerRecipe | None:
        """Return what was undone last, or None if there is nothing."""
        return self._step(asked, self.future, self.past)

    def _step(
        self, asked: LayerRecipe, taken: list[LayerRecipe], given: list[LayerRecipe]
    ) -> LayerRecipe | None:
        self.end_gesture()
        if not taken:
            return None
        given.append(asked)
        return taken.pop()

    def update(self, change: Callable[[LayerRecipe], LayerRecipe]) -> None:
        """Change every recipe of the past and the future."""
        self.past = [change(asked) for asked in self.past]
        self.future = [change(asked) for asked in self.future]
