"""The topics of the log: what each holds, who reads it, and how far behind each reader is."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from recobro_events import Bounds, TransportError
from recobro_platform import SERVICE_NAMES
from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console.operations.api import OPERATORS
from recobro_console.operations.measures import labelled
from recobro_console.pages import CurrentPage, Page, Router

router = Router(OPERATORS)


@dataclass
class Topic:
    """``partitions`` are what each partition holds. ``lag`` are the records that a reader has not read, by reader and
    partition. Only readers whose process answers with its measures are known.
    """

    name: str
    partitions: dict[int, Bounds] = field(default_factory=dict)
    lag: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def records(self) -> int:
        return sum(held.end - held.start for held in self.partitions.values())

    @property
    def written(self) -> int:
        """The records that were ever written; the log deletes old ones."""
        return sum(held.end for held in self.partitions.values())

    @property
    def readers(self) -> list[tuple[str, int]]:
        """Each reader with the records that it has not read yet, the one that is furthest behind first."""
        behind = [(reader, sum(lag.values())) for reader, lag in self.lag.items()]
        return sorted(behind, key=lambda one: (-one[1], one[0]))


@router.get("/operations/topics")
async def topics(page: CurrentPage) -> Response:
    """Every topic through which the services exchange events."""
    return page.show("operations/topics.html", topics=await _topics(page))


@router.get("/operations/topics/{name}")
async def topic(page: CurrentPage, name: str) -> Response:
    """One topic, partition by partition."""
    known = await _topics(page)
    if known is not None and name not in known:
        raise HTTPException(404)
    return page.show("operations/topic.html", name=name, topic=known and known[name])


async def _topics(page: Page) -> Mapping[str, Topic] | None:
    """The topics by name, or None while the log does not answer."""
    measured = await asyncio.gather(*(page.attempt(page.services.metrics(service)) for service in SERVICE_NAMES))
    try:
        bounds = await page.request.app.state.hub.bounds()
    except TransportError:
        return None
    found: dict[str, Topic] = {}
    for place, held in sorted(bounds.items()):
        found.setdefault(place.topic, Topic(place.topic)).partitions[place.partition] = held
    for text in measured:
        for labels, value in labelled(text, "consumer_position_lag") if isinstance(text, str) else ():
            if (known := found.get(labels["topic"])) is not None:
                known.lag[labels["consumer"]][int(labels["partition"])] = int(value)
    return found
