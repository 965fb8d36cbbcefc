"""What TensorBoard shows of weights, and the form of all that is not a scalar."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callbax.callbacks._model_view import ModelView

_BUCKETS = 30
_IMAGES = 3
_BAND = 8
"""How many times as wide as high a vector is drawn: the page makes all pictures equally wide."""
_COLOURS = {1: 0, 3: 2, 4: 6}
"""Channels -> colour type of a PNG file."""
_DOUBLE, _STRING = 2, 7
"""Types of tensors, from TensorFlow's ``types.proto``."""


def weight_values(
    library: Any, model: ModelView, *, names: Mapping[str, str], draw: bool
) -> Iterator[Any]:
    """Makes histograms of all weights.

    Args:
        library: The package ``tensorboard``.
        model: Its ``get_state_tree()`` holds nested dicts of arrays.
        names: Part of a path -> the one to show in its place.
        draw: Whether to make images too.
    """
    tree = model.get_state_tree()
    for kind in ("trainable_variables", "non_trainable_variables"):
        for path, weight in _leaves(tree[kind]):
            tag = "/".join(names.get(name, name) for name in path.replace(":", "_").split("/"))
            counts = histogram(weight)
            yield tensor_value(library, f"{tag}/histogram", "histograms", counts)
            drawn = images(weight) if draw else []
            if drawn:
                yield tensor_value(library, f"{tag}/image", "images", drawn)


def tensor_value(
    library: Any, tag: str, plugin: str, content: NDArray[Any] | list[bytes], version: bytes = b""
) -> Any:
    """Makes a value of an event.

    Args:
        library: The package ``tensorboard``.
        tag: Name of the value.
        plugin: The part of TensorBoard that shows it.
        content: An array of float64, or a list of bytes.
        version: What else to tell that part.
    """
    proto = library.compat.proto
    array = content if isinstance(content, np.ndarray) else None
    shape = (len(content),) if array is None else array.shape
    dims = [proto.tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in shape]
    tensor = proto.tensor_pb2.TensorProto(
        dtype=_STRING if array is None else _DOUBLE,
        tensor_shape=proto.tensor_shape_pb2.TensorShapeProto(dim=dims),
        tensor_content=b"" if array is None else array.tobytes(),
        string_val=content if array is None else (),
    )
    data = proto.summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin, content=version)
    return proto.summary_pb2.Summary.Value(
        tag=tag,
        tensor=tensor,
        metadata=proto.summary_pb2.SummaryMetadata(plugin_data=data),
    )


def histogram(weight: NDArray[Any]) -> NDArray[Any]:
    """Counts the finite numbers of an array in buckets of equal width.

    Returns:
        Rows of left edge, right edge and count, float64, shape (30, 3). Of numbers that are all
        equal only the last row counts.

    Source: ``tf.summary.histogram``.
    """
    data = np.asarray(weight, np.float64).ravel()
    data = data[np.isfinite(data)]
    if not data.size:
        return np.zeros((_BUCKETS, 3))
    low, high = data.min(), data.max()
    edges = np.linspace(low, high, _BUCKETS + 1)
    width = (high - low) / _BUCKETS
    # If the width is 0, or the quotient rounds up, it is the last bucket.
    places = np.full(data.shape, _BUCKETS - 1)
    if width > 0:
        places = np.minimum(((data - low) / width).astype(int), _BUCKETS - 1)
    counts = np.bincount(places, minlength=_BUCKETS)
    return np.stack([edges[:-1], edges[1:], counts], axis=1)


def images(weight: NDArray[Any]) -> list[bytes]:
    """Draws an array as Keras does: 0 is black, 1 and more white, at most three pictures.

    A vector, which Keras draws as a column, is a band.

    Returns:
        Width and height as text, then PNG files; nothing if the array has no such form.

    Source: ``keras.callbacks.TensorBoard``, ``tf.summary.image``.
    """
    data = np.squeeze(np.asarray(weight, np.float64))
    if data.ndim == 1:
        data = np.repeat(data[None, None, :, None], max(1, len(data) // _BAND), axis=1)
    elif data.ndim == 2:
        data = (data.T if data.shape[0] > data.shape[1] else data)[None, :, :, None]
    elif data.ndim == 3:
        data = data.transpose(2, 0, 1)[..., None]
    if data.ndim != 4 or data.shape[-1] not in _COLOURS:
        return []
    pixels = np.clip(np.nan_to_num(data) * 255.5, 0, 255).astype(np.uint8)
    _, height, width, _ = pixels.shape
    return [b"%d" % width, b"%d" % height, *map(_png, pixels[:_IMAGES])]


def _png(pixels: NDArray[Any]) -> bytes:
    """Encodes an image of shape (height, width, channels)."""
    height, width, channels = pixels.shape
    # Every line begins with the number of a filter; 0 is none.
    lines = np.pad(pixels.reshape(height, -1), ((0, 0), (1, 0)))
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, NDArray[Any]]]:
    """Yields path and array of everything in nested dicts."""
    if isinstance(tree, Mapping):
        for name, part in tree.items():
            yield from _leaves(part, f"{path}/{name}" if path else str(name))
    else:
        yield path, np.asarray(tree)
