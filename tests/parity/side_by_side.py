"""The same calls on two libraries, compared after every one."""

import numpy as np


def run(side, calls):
    """Yields after each call what it returned and what can be read.

    Args:
        side: One library's model; each call is a method of it, and `seen` tells what can be read.
        calls: (name, arguments) pairs.
    """
    for name, arguments in calls:
        returned = getattr(side, name)(*arguments) or {}
        yield {**side.seen(), **{f"{name}: {key}": value for key, value in returned.items()}}


def differences(ours, theirs):
    """Returns what differs between what two calls came to, in words."""
    if ours.keys() != theirs.keys():
        return [f"keys {sorted(ours)} beside {sorted(theirs)}"]
    return [
        f"{key}: {np.asarray(ours[key]).ravel()[:4]} beside {np.asarray(theirs[key]).ravel()[:4]}"
        for key in ours
        if not np.allclose(ours[key], theirs[key], rtol=1e-3, atol=1e-4)
    ]


def first_difference(ours, theirs, calls):
    """Returns the first call after which two sides differ, and in what; None if never."""
    for number, pair in enumerate(zip(run(ours, calls), run(theirs, calls), strict=True)):
        if found := differences(*pair):
            return f"after {calls[: number + 1]}: {found}"
    return None
