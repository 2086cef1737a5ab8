"""Compiled loops over the regions of a label image, and over the pixels of regions.

In the order of their use: union-find, the regions of a block, their union across blocks, the graph of regions
and its clean-up, and new labels. Images are 3-D arrays here; missing axes have length 1.
"""
# mypy: ignore-errors

from __future__ import annotations

import numpy as np

from ..compiled import kernel


@kernel
def find_root(parent, i):
    """Return the root of a node of a union-find forest, halving its path."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel
def unite(parent, a, b):
    """Unite the sets of two nodes of a union-find forest; the lowest node is the root."""
    a, b = find_root(parent, a), find_root(parent, b)
    if a < b:
        parent[b] = a
    elif b < a:
        parent[a] = b


@kernel
def number_roots(parent):
    """Replace each node of a union-find forest by the number of its set, from 0; return the number of sets.

    Sets are numbered in the order of their lowest nodes.
    """
    n = 0
    for i in range(parent.size):
        if parent[i] == i:
            parent[i] = n
            n += 1
        else:
            parent[i] = parent[parent[i]]  # a lower node, which already has its number
    return n


@kernel
def number_regions(labels, include, ids):
    """Write the region of each pixel to `ids`, from 1; 0 if excluded. Return the number of regions.

    A region is a set of pixels of one label that are connected by their faces.
    """
    depth, height, width = labels.shape
    parent = np.empty(labels.size + 1, dtype=ids.dtype)
    parent[0] = 0
    n = 1
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                if not include[z, y, x]:
                    ids[z, y, x] = 0
                    continue
                value = labels[z, y, x]
                found = ids.dtype.type(0)
                if x > 0 and include[z, y, x - 1] and labels[z, y, x - 1] == value:
                    found = ids[z, y, x - 1]
                if y > 0 and include[z, y - 1, x] and labels[z, y - 1, x] == value:
                    if found == 0:
                        found = ids[z, y - 1, x]
                    elif ids[z, y - 1, x] != found:
                        unite(parent, found, ids[z, y - 1, x])
                if z > 0 and include[z - 1, y, x] and labels[z - 1, y, x] == value:
                    if found == 0:
                        found = ids[z - 1, y, x]
                    elif ids[z - 1, y, x] != found:
                        unite(parent, found, ids[z - 1, y, x])
                if found == 0:
                    parent[n] = n
                    found = ids.dtype.type(n)
                    n += 1
                ids[z, y, x] = found
    n = number_roots(parent[:n])
    for z in range(depth):
        for y in range(height):
            for x in range(width):
                ids[z, y, x] = parent[ids[z, y, x]]
    return n - 1


@kernel
def measure_regions(labels, ids, at_border, label, size, outer):
    """Measure the regions of a block.

    Parameters
    ----------
    labels : (d, h, w) uint8 array
    ids : (d, h, w) int array
        Region of each pixel; 0 if excluded.
    at_border : (3, 2) bool array
        Whether the low and the high side of the block along each axis is a border of the image.
    label : uint8 array
        Receives the label of each region.
    size : int64 array, zero
        Receives the number of pixels of each region.
    outer : bool array, False
        Receives whether a region touches an excluded pixel or a border of the image.

    Returns
    -------
    int
        Number of faces between pixels of two regions.
    """
    shape = labels.shape
    n_faces = 0
    for z in range(shape[0]):
        for y in range(shape[1]):
            for x in range(shape[2]):
                i = ids[z, y, x]
                size[i] += 1
                if i:
                    label[i] = labels[z, y, x]
                at = (z, y, x)
                for axis in range(3):
                    if at[axis] == 0 and at_border[axis, 0]:
                        outer[i] = True
                    if at[axis] + 1 == shape[axis]:
                        if at_border[axis, 1]:
                            outer[i] = True
                        continue
                    j = ids[z + (axis == 0), y + (axis == 1), x + (axis == 2)]
                    if i == j:
                        continue
                    if i == 0:
                        outer[j] = True
                    elif j == 0:
                        outer[i] = True
                    else:
                        n_faces += 1
    return n_faces


@kernel
def list_faces(ids, small, first, second, across):
    """List the faces between pixels of two regions, at least one of which is small; return their number.

    Parameters
    ----------
    ids : (d, h, w) int array
    small : bool array
        For each region.
    first, second : int arrays
        Receive the two regions of each face.
    across : uint8 array
        Receives the axis that each face is perpendicular to.
    """
    shape = ids.shape
    n = 0
    for z in range(shape[0]):
        for y in range(shape[1]):
            for x in range(shape[2]):
                i = ids[z, y, x]
                at = (z, y, x)
                for axis in range(3):
                    if i == 0 or at[axis] + 1 == shape[axis]:
                        continue
                    j = ids[z + (axis == 0), y + (axis == 1), x + (axis == 2)]
                    if j and i != j and (small[i] or small[j]):
                        first[n], second[n], across[n] = i, j, axis
                        n += 1
    return n


@kernel
def join_seam(low, high, start_low, start_high, label, parent, outer):
    """Unite the regions of one label on both sides of the seam between two blocks.

    Parameters
    ----------
    low, high : int arrays
        Region of each pixel at the low side of the seam, and of the pixel opposite; 0 if excluded.
    start_low, start_high : int
        Node before the first region of each block.
    label : uint8 array
        Label of each node.
    parent : int array
        Union-find forest of the nodes.
    outer : bool array
        Receives whether a node touches an excluded pixel at the seam.
    """
    for i in range(low.size):
        a, b = start_low + low[i], start_high + high[i]
        if low[i] and high[i]:
            if label[a] == label[b]:
                unite(parent, a, b)
        elif low[i]:
            outer[a] = True
        elif high[i]:
            outer[b] = True


@kernel
def combine_nodes(region, label, size, outer, region_label, region_size, region_outer):
    """Combine label, size and outer flag of the nodes of each region."""
    for node in range(region.size):
        r = region[node]
        region_label[r] = label[node]
        region_size[r] += size[node]
        region_outer[r] |= outer[node]


@kernel
def count_faces(first, second, start_first, start_second, region, small, n_faces):
    """Add the number of faces of each region.

    Parameters
    ----------
    first, second : int arrays
        The two regions of each face, as numbered in their blocks; 0 if excluded.
    start_first, start_second : int
        Node before the first region of each block.
    region : int array
        Region of the image that each node belongs to.
    small : bool array
        For each region of the image. Faces between two regions that are not small are omitted.
    n_faces : int64 array
        For each region of the image, changed in place.
    """
    for i in range(first.size):
        if first[i] and second[i]:
            a, b = region[start_first + first[i]], region[start_second + second[i]]
            if a != b and (small[a] or small[b]):
                n_faces[a] += 1
                n_faces[b] += 1


@kernel
def add_faces(first, second, across, start_first, start_second, region, small, end, neighbor, graph_across):
    """Add the faces that `count_faces` counts to the graph.

    Parameters
    ----------
    first, second, start_first, start_second, region, small
        As for `count_faces`.
    across : uint8 array
        Axis that each face is perpendicular to.
    end : int64 array
        Position of the next face of each region, changed in place.
    neighbor : int array
        Receives the region on the other side of each face.
    graph_across : uint8 array
        Receives the axis of each face.
    """
    for i in range(first.size):
        if first[i] and second[i]:
            a, b = region[start_first + first[i]], region[start_second + second[i]]
            if a != b and (small[a] or small[b]):
                neighbor[end[a]], graph_across[end[a]] = b, across[i]
                neighbor[end[b]], graph_across[end[b]] = a, across[i]
                end[a] += 1
                end[b] += 1


@kernel
def merge_round(begin, neighbor, across, areas, queue, queued, following, label):
    """Merge the small regions of a queue into the large regions that they touch.

    All decisions of a round depend on the labels before it, so the order of the queue does not matter.

    Parameters
    ----------
    begin, neighbor, across : arrays
        As in `RegionGraph`.
    areas : (3,) int64 array
        Area of a face across each axis.
    queue : int64 array
        Regions to merge.
    queued : bool array, False
    following : int64 array
        Work space; `queued` has an element for each region, `following` for each unmerged region.
    label : int16 array
        Label of each region, -1 for small regions that are not merged yet; changed in place.

    Returns
    -------
    int64 array
        The queue of the next round: unmerged regions that touch a region merged in this one.
    """
    border = np.zeros(256, dtype=np.int64)  # length of the border with each label
    labels = np.empty(256, dtype=np.int64)  # labels that share a border
    chosen = np.empty(queue.size, dtype=label.dtype)
    for i in range(queue.size):
        n_labels = 0
        for face in range(begin[queue[i]], begin[queue[i] + 1]):
            value = label[neighbor[face]]
            if value >= 0:
                if border[value] == 0:
                    labels[n_labels] = value
                    n_labels += 1
                border[value] += areas[across[face]]
        chosen[i] = -1
        longest = 0
        for k in range(n_labels):
            value = labels[k]
            if border[value] > longest or (border[value] == longest and value < chosen[i]):
                longest, chosen[i] = border[value], value
            border[value] = 0
    for i in range(queue.size):
        label[queue[i]] = chosen[i]
    n = 0
    for i in range(queue.size):
        if chosen[i] >= 0:
            for face in range(begin[queue[i]], begin[queue[i] + 1]):
                other = neighbor[face]
                if label[other] < 0 and not queued[other]:
                    queued[other] = True
                    following[n] = other
                    n += 1
    for i in range(n):
        queued[following[i]] = False
    return following[:n].copy()


@kernel
def fill_holes_with(filler, begin, neighbor, size, inner, limit, visited, stack, label):
    """Fill the holes of one label.

    Parameters
    ----------
    filler : int
        The label around the holes.
    begin, neighbor : arrays
        As in `RegionGraph`.
    size : int64 array
    inner : bool array
        Whether a region can belong to a hole.
    limit : int
        Holes of fewer pixels are filled.
    visited : int16 array
        Last filler for which a region was visited.
    stack : int64 array
        Work space: an element for each inner region.
    label : uint8 array
        Label of each region, changed in place.
    """
    for start in range(label.size):
        if not inner[start] or label[start] == filler or visited[start] == filler:
            continue
        # Flood the connected set of other labels.
        stack[0], n_members, done = start, 1, 0
        visited[start] = filler
        n_pixels, is_hole = 0, True
        while done < n_members:
            r = stack[done]
            done += 1
            n_pixels += size[r]
            for face in range(begin[r], begin[r + 1]):
                other = neighbor[face]
                if visited[other] == filler or label[other] == filler:
                    continue
                if inner[other]:
                    visited[other] = filler
                    stack[n_members] = other
                    n_members += 1
                else:
                    is_hole = False
        if is_hole and n_pixels < limit:
            for i in range(n_members):
                label[stack[i]] = filler


@kernel
def relabel(labels, ids, table, out):
    """Write the new label of each pixel's region; excluded pixels keep their label."""
    for z in range(ids.shape[0]):
        for y in range(ids.shape[1]):
            for x in range(ids.shape[2]):
                i = ids[z, y, x]
                out[z, y, x] = table[i] if i else labels[z, y, x]
