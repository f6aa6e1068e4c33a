"""How a batch is cut, so that a handler never sees one key twice."""

from collections.abc import Iterable, Sequence

from events.contracts.base import Event


def cut_into_waves(events: Iterable[Event]) -> Sequence[dict[type[Event], list[Event]]]:
    """The n-th event of every key goes to wave n; inside a wave events are grouped by type.

    Inside a group no key appears twice, and applying wave after wave keeps the order of every key.
    """
    waves: list[dict[type[Event], list[Event]]] = []
    depth: dict[str, int] = {}
    for event in events:
        n = depth.get(event.key, 0)
        depth[event.key] = n + 1
        if n == len(waves):
            waves.append({})
        waves[n].setdefault(type(event), []).append(event)
    return waves
