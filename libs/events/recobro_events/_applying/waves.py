"""A batch is cut into waves, so that no key appears twice in the list that a handler receives."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut_into_waves(items: Iterable[T], key: Callable[[T], str]) -> Sequence[list[T]]:
    """Put the n-th item of every key into wave n.

    No key appears twice in a wave, and applying wave after wave keeps the order of every key.
    """
    waves: list[list[T]] = []
    depth: dict[str, int] = {}
    for item in items:
        of = key(item)
        n = depth.get(of, 0)
        depth[of] = n + 1
        if n == len(waves):
            waves.append([])
        waves[n].append(item)
    return waves
