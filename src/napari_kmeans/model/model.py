"""The model that users work with: it labels images, has a table and plots, and is saved to files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..blocks.containers import Contents, open_container, open_mask, warn_if_ambiguous
from ..blocks.pixels import Pixels
from ..blocks.progress import Progress, subprogress
from ..features.extractor import FeatureExtractor
from ..user_warning import warn_user
from . import json_file, model_file
from .confidence import ConfidenceOfBlock
from .edits import Edits
from .fitted_model import FittedModel
from .fitted_to import check_match
from .label_pixels import compute_in_memory, compute_lazily
from .matching import extractor_for, matched
from .uncertainty import Uncertainty, uncertainty_of


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class KMeansModel(FittedModel):
    """Clusters of an image, ready to label it or another image. Immutable.

    A model consists of a recipe, which includes edits made by hand, and the clusters that were found
    (`centers`, `thresholds`, `counts` …).
    """

    def _repr_html_(self) -> str:
        """Return the clusters as a table with a histogram, for notebooks."""
        from ..report.html import model_html

        return model_html(self)

    @property
    def table(self) -> Any:
        """Table with a row for each label: a pandas DataFrame if pandas is installed, else a dict of lists.

        Its columns are index (the label), name, center, pixels, share (0 to 1, of all labelled pixels), and
        above and up_to, the range of the values with this label: above < value ≤ up_to. With several
        features, one column per feature replaces center, and there is no range. Merged clusters are one row,
        and label 0 has no row.
        """
        from ..report.tables import cluster_table

        table = cluster_table(self)
        try:
            import pandas
        except ImportError:
            return table
        return pandas.DataFrame(table)

    def plot(self, image: Any, channel_axis: int | str | None = None, *, labels: Any = None) -> Any:
        """Draw an image, its clusters and their histogram or shares, side by side.

        Parameters
        ----------
        image : array, xarray.DataArray, napari Image layer or ImageFile
            Image with two to four spatial axes; of a stack, the middle plane is drawn. A scale bar is drawn
            if the pixel size is known.
        channel_axis : int, optional
            As for `predict`.
        labels : array, optional
            Labels of the image, for example cleaned ones; by default those of `predict`.

        Returns
        -------
        matplotlib.figure.Figure
            Notebooks display it; ``savefig`` writes it to a file.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        TypeError, ValueError
            If image, axis or labels do not fit the model.
        """
        from ..report.model_figure import plot_model

        if labels is None:
            labels = self.predict(image, channel_axis)
        return plot_model(self, image, channel_axis, labels)

    def illumination_field(self, shape: Sequence[int]) -> NDArray[np.float64]:
        """Return the illumination field as an array.

        Parameters
        ----------
        shape : sequence of int
            Spatial shape of the image, or of a coarser resolution of it.

        Returns
        -------
        float64 array
            Has `shape`, plus a last axis if each channel has its own field. In the image's own units for an
            additive field; a factor around 1 for a multiplicative one.

        Raises
        ------
        ValueError
            If the model has no illumination field, or `shape` has the wrong number of axes.
        """
        field = self.illumination
        if field is None:
            raise ValueError("the model has no illumination field; fit with illumination='additive'")
        return field.evaluate_image(shape)

    def predict(
        self,
        image: Any,
        channel_axis: int | str | None = None,
        mask: Any = None,
        *,
        match: str = "values",
        progress: Progress | None = None,
    ) -> Any:
        """Label each pixel with its cluster.

        The labels are not cleaned, even if the recipe of the model has a clean-up: `segment` cleans them, and
        so does `clean_labels`.

        Parameters
        ----------
        image : NumPy, dask or zarr array, xarray.DataArray, napari Image layer or ImageFile
            Any number of dimensions and any real dtype.
        channel_axis : int, optional
            Channel axis of the image; by default as for `fit`, or else that of the fitted image.
        mask : array, optional
            Has the spatial shape; nonzero pixels are labelled.
        match : {"values", "range", "refit"}, default "values"
            How the model is applied to an image that differs from the fitted one. ``"values"``: unchanged.
            ``"range"``: thresholds or centres are scaled linearly, so that the 0.1 and 99.9 percentiles of
            the fitted image become those of this one. ``"refit"``: the recipe is fitted to this image, with
            the same number of clusters and, if it removes uneven illumination, a new field; names, merges
            and background are kept. The last two read a lazy image.
        progress : callable, optional
            Called with the completed share, 0 to 1. An exception that it raises stops the computation.

        Returns
        -------
        uint8 array
            Has the spatial shape: 1 = darkest … `n_clusters` = brightest, and 0 for NaN, pixels outside the
            mask, transparent pixels and clusters set to background. For a dask or zarr array, a lazy dask
            array with the same chunks. For a DataArray, a DataArray with its spatial coordinates.

        Raises
        ------
        TypeError, ValueError
            If image, axis or mask do not fit the model.

        Warns
        -----
        UserWarning
            With ``match="values"``, if the image differs from the fitted one in dtype, number of channels,
            pixel size (where both are known) or range of its values. The range is not compared for a lazy
            image, nor for texture. As for `fit`, if an array may hold colours and `channel_axis` is not given.
        """
        check_match(match)
        contents, pixels = self._open(image, channel_axis, mask, extractor_for(self, match))
        if match == "values":
            self.labeller(pixels.value_format)  # rejects an image with other features before comparing it
            self.warn_of_differences(pixels, *contents.size())
            return contents.wrap(self.label_pixels(pixels, progress))
        model = matched(self, pixels, match, subprogress(progress, 0, 0.5))
        return contents.wrap(model.label_pixels(pixels, subprogress(progress, 0.5, 1)))

    def _open(
        self, image: Any, channel_axis: int | str | None, mask: Any, extractor: FeatureExtractor | None = None
    ) -> tuple[Contents, Pixels]:
        """Validate an image and its mask; the extractor is that of the model unless another one is given."""
        contents = open_container(image, channel_axis, default=self.channel_axis)
        pixels = Pixels.of(
            contents.data,
            features=extractor or self.extractor,
            channel_axis=contents.channel_axis,
            mask=open_mask(mask),
        )
        warn_if_ambiguous([contents])
        return contents, pixels

    def confidence(
        self,
        image: Any,
        channel_axis: int | str | None = None,
        mask: Any = None,
        *,
        progress: Progress | None = None,
    ) -> Any:
        """Return how clearly each pixel belongs to its cluster; this is not a probability.

        Parameters are those of `predict`.

        Returns
        -------
        float32 array
            1 - d₁/d₂, where d₁ and d₂ are the distances to the nearest two centres: 0 on the border between
            two clusters, 1 at a centre. If thresholds were set by hand, distances are scaled so that the
            confidence at a threshold is still 0. Merged clusters count as one. ±inf has confidence 0,
            excluded pixels NaN. For a dask or zarr array, a lazy dask array with the same chunks.
        """
        contents, pixels = self._open(image, channel_axis, mask)
        read = 0.8 if self.coherence else 0.0
        pixels = self.coherent(pixels, subprogress(progress, 0, read))
        merged = self.with_background([]).label_of_cluster
        thresholds = self.thresholds if self.adjusted else None
        compute = ConfidenceOfBlock(self.centers, self.scales, merged, pixels.value_format, thresholds)
        dtype = np.dtype(np.float32)
        if pixels.chunks is not None:
            return contents.wrap(compute_lazily(pixels, compute, dtype), "confidence")
        computed = compute_in_memory(pixels, compute, dtype, subprogress(progress, read, 1))
        return contents.wrap(computed, "confidence")

    def uncertainty(
        self,
        image: Any,
        channel_axis: int | str | None = None,
        mask: Any = None,
        *,
        level: float = 0.95,
        n_resamples: int = 400,
        random_state: int = 0,
        progress: Progress | None = None,
    ) -> Uncertainty:
        """Estimate the uncertainty of thresholds and shares by a block bootstrap over the image.

        Blocks of the image are drawn with replacement, and the clusters of each resample are found exactly.
        Blocks are twice as wide as the distance at which labels are no longer correlated. The illumination
        field is that of the model.

        Parameters
        ----------
        image, channel_axis, mask
            The image that the model was fitted to, as for `predict`. Lazy images are read.
        level : float, default 0.95
            Confidence level of the intervals.
        n_resamples : int, default 400
        random_state : int, default 0
        progress : callable, optional

        Returns
        -------
        Uncertainty
            With ``thresholds``, (k - 1, 2), and ``shares``, (k, 2).

        Raises
        ------
        TypeError, ValueError
            If the model has several features, a single cluster or coherence, or was fitted to another image.

        Warns
        -----
        UserWarning
            If labels are correlated over such a large part of the image that intervals are too narrow.
        """
        _, pixels = self._open(image, channel_axis, mask)
        found = uncertainty_of(
            self,
            pixels,
            level=level,
            n_resamples=n_resamples,
            random_state=random_state,
            progress=progress,
        )
        if found.is_limited:
            warn_user(
                "labels are correlated over a large part of the image, so that few blocks of it are "
                "independent and the intervals are too narrow; use a larger image"
            )
        return found

    def to_json(self) -> str:
        """Return the content of a model file."""
        return model_file.to_text(_KIND, self.to_dict())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a JSON file atomically.

        Parameters
        ----------
        path : str or path
            An existing file is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        json_file.write(path, self.to_json())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> KMeansModel:
        """Read a model that `save` wrote, including files of earlier versions.

        Parameters
        ----------
        path : str or path

        Returns
        -------
        KMeansModel
            Without a summary of the pixels, so that moving thresholds does not change its counts.

        Raises
        ------
        ValueError
            If the file is not a model, is damaged, or was written by a later version. Its content is fully
            validated.
        OSError
            If the file cannot be read.
        """
        with model_file.errors_about(path):
            return cls.from_dict(model_file.read(path, _KIND))

    @classmethod
    def from_json(cls, text: str) -> KMeansModel:
        """Make a model from the text that `to_json` returned.

        Parameters
        ----------
        text : str

        Returns
        -------
        KMeansModel

        Raises
        ------
        ValueError
            If the text is not a model. It is fully validated.
        """
        with model_file.errors_about("the text"):
            return cls.from_dict(model_file.parse(text, _KIND))

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON stores it."""
        return {
            "channel_axis": self.channel_axis,
            "recipe": self.recipe.to_dict(),
            "illumination": model_file.field_to_dict(self.illumination),
            "coherence": None if self.coherence is None else model_file.coherence_to_dict(self.coherence),
            "fitted_to": None if self.fitted_to is None else self.fitted_to.to_dict(),
            "clustering": model_file.clustering_to_dict(self),
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> KMeansModel:
        """Make a model from the result of `to_dict`, and validate it.

        Parameters
        ----------
        document : dict

        Returns
        -------
        KMeansModel

        Raises
        ------
        TypeError, ValueError, KeyError
            If the content is not a model.
        """
        channel_axis = model_file.check_axis("channel_axis", document["channel_axis"])
        recipe = model_file.recipe_from_dict(document["recipe"])
        found = model_file.clustering_from_dict(document["clustering"])
        model = cls(
            **found,
            recipe=replace(recipe, edits=Edits()),
            channel_axis=channel_axis,
            illumination=model_file.field_from_dict(document.get("illumination")),
            coherence=model_file.coherence_from_dict(document.get("coherence")),
            fitted_to=model_file.fitted_to_from_dict(document.get("fitted_to")),
        )
        edits = recipe.edits
        if edits.thresholds is not None and edits.thresholds != tuple(model.thresholds.tolist()):
            raise ValueError("edits.thresholds and clustering.thresholds differ")
        for name in ("centers", "scales"):
            edited, stored = getattr(edits, name), getattr(model, name)
            if edited is not None and not np.array_equal(edited, stored):
                raise ValueError(f"edits.{name} and clustering.{name} differ")
        adjusted = {"thresholds": edits.thresholds, "centers": edits.centers, "scales": edits.scales}
        model = replace(model, recipe=model.recipe.with_edits(**adjusted))
        return model.merged(edits.merges).with_background(edits.background).with_names(edits.names)


_KIND = "napari-kmeans model"
