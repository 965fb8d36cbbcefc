"""The data of all runs: random, fixed, and of the shape of MNIST, so that nothing is loaded."""

import numpy as np
from benchmarks.cases import LENGTHS, NARROW, VOCABULARY, Run


def arrays(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Returns the inputs of a run, float32 in [0, 1], and its labels 0 to 9.

    Narrow and wide models are given targets of the width of their inputs, GPTs tokens.
    """
    rows = run.size.rows
    generator = np.random.default_rng(0)
    if run.model in LENGTHS:
        shape = rows, LENGTHS[run.model] + 1
        tokens = generator.integers(0, VOCABULARY, shape, dtype=np.int32)
        return tokens[:, :-1], tokens[:, 1:]
    if run.model in NARROW:
        x = generator.random((rows, NARROW[run.model]), dtype=np.float32)
        return x, generator.random((rows, NARROW[run.model]), dtype=np.float32)
    if run.model == "resnet-18":
        images = generator.random((rows, 32, 32, 3), dtype=np.float32)
        return images, generator.integers(0, 10, rows).astype(np.int32)
    pixels = generator.integers(0, 256, (rows, 784), dtype=np.uint8)
    labels = generator.integers(0, 10, rows)
    x = pixels.astype("float32") / 255  # as the guide does it, with its second copy
    if run.model in ("cnn", "convolution"):
        x = x.reshape(rows, 28, 28, 1)
    if run.model in ("lstm", "transformer"):
        x = x.reshape(rows, 28, 28)
    return x, labels.astype(np.float32 if run.model == "guide" else np.int32)
