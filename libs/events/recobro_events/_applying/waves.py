"""How a batch is cut, so that a handler never sees one key twice."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def cut_into_waves(items: Iterable[T], key: Callable[[T], str]) -> Sequence[list[T]]:
    """The n-th item of every key goes to wave n.

    Inside a wave no key appears twice, and applying wave after wave keeps the order of every key.
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
