"""What every event contract is made of: types, keys, lanes, money and the registry."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PrivateAttr,
    WithJsonSchema,
)

_MONEY = re.compile(r"-?\d{1,12}(\.\d{1,2})?", re.ASCII)


def _parse_money(value: object) -> Decimal:
    if isinstance(value, Decimal):
        value = f"{value:f}" if value.is_finite() else "not finite"
    if not isinstance(value, str) or not _MONEY.fullmatch(value):
        raise ValueError('must be a string such as "1234.50" with at most 12 digits before and 2 after the point')
    return Decimal(value)


Money = Annotated[
    Decimal,
    BeforeValidator(_parse_money),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,2})?$", "examples": ["1234.50"]}),
]
"""An amount: a decimal string in JSON, two decimals when written, never a float."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["MXN"])]
"""An ISO 4217 code."""


class Lane(StrEnum):
    """Which topic, outbox table, relay and consumer an event travels through.

    ``agencies`` leads out of the platform: such an event names its own topic, and no service listens to it.
    """

    EVENTS = "events"
    BULK = "bulk"
    AGENCIES = "agencies"


SERVICE_LANES = (Lane.EVENTS, Lane.BULK)
"""The lanes on which services talk to each other."""


EVERYONE = "*"


class Envelope(BaseModel):
    """What travels beside the body, as CloudEvents 1.0 headers.

    ``audience`` is there on what is said again, by which nothing happens anew: the one service that asked for it, or
    ``EVERYONE`` after a restore.
    """

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    type: str
    source: str
    occurred_at: datetime
    key: str
    traceparent: str | None = None
    audience: str | None = None


class Part(BaseModel):
    """A nested piece of an event: immutable, and deaf to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """A fact. Immutable; unknown fields are ignored, so that old readers survive new writers.

    A subclass that names its ``type`` is entered in ``REGISTRY``. ``event_id``, ``occurred_at`` and ``source``
    are there only on an event that was received.
    """

    type: ClassVar[str]
    lane: ClassVar[Lane]
    key_field: ClassVar[str]

    _envelope: Envelope | None = PrivateAttr(default=None)

    def __init_subclass__(
        cls, *, type: str | None = None, lane: Lane = Lane.EVENTS, key: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if key is not None:
            cls.key_field = key
        if type is None:
            return
        if type in REGISTRY:
            raise ValueError(f"event type {type} is declared twice")
        cls.type = type
        cls.lane = lane
        REGISTRY[type] = cls

    @property
    def key(self) -> str:
        """What orders this event: events of one key on one topic stay in order."""
        return str(getattr(self, self.key_field))

    @property
    def topic(self) -> str | None:
        """The topic that it goes to, where that is not the one of its service and lane."""
        return None

    @property
    def envelope(self) -> Envelope:
        """The envelope it came with; ``LookupError`` when it was not received."""
        if self._envelope is None:
            raise LookupError(f"{type(self).__name__} was not received, so it has no envelope")
        return self._envelope

    @property
    def event_id(self) -> UUID:
        return self.envelope.event_id

    @property
    def occurred_at(self) -> datetime:
        return self.envelope.occurred_at

    @classmethod
    def received(cls, body: bytes | str, envelope: Envelope) -> Self:
        """The event that ``body`` says, with its envelope; ``pydantic.ValidationError`` when it does not fit."""
        event = cls.model_validate_json(body)
        event._envelope = envelope
        return event

    def body(self) -> str:
        """The JSON that travels."""
        return self.model_dump_json()


REGISTRY: dict[str, type[Event]] = {}
"""Every event type that this platform knows, by its name on the wire."""


class ContractEvent(Event, key="contract_id"):
    """A fact about one contract: its key is the contract's id."""

    contract_id: UUID


def bulk_sources() -> frozenset[str]:
    """The services that publish on the bulk lane, told from the contracts."""
    return frozenset(name.split(".", 1)[0] for name, event in REGISTRY.items() if event.lane is Lane.BULK)
