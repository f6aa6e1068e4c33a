"""The base of all event contracts: types, keys, lanes, money and the registry."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

_MONEY = r"-?[0-9]{1,12}(\.[0-9]{1,2})?"
_IS_MONEY = re.compile(_MONEY)


def _parse_money(value: object) -> Decimal:
    if isinstance(value, Decimal):
        value = f"{value:f}" if value.is_finite() else "not finite"
    if not isinstance(value, str) or not _IS_MONEY.fullmatch(value):
        raise ValueError(
            'must be an amount in quotes such as "1234.50", with at most 12 digits before and 2 after the point'
        )
    return Decimal(value)


class _Amount:
    """The rule for amounts, once for JSON and once for Python values. Pydantic checks JSON without calling Python."""

    @staticmethod
    def __get_pydantic_core_schema__(_source: object, _handler: object) -> CoreSchema:
        return core_schema.json_or_python_schema(
            core_schema.chain_schema([core_schema.str_schema(pattern=f"^{_MONEY}$"), core_schema.decimal_schema()]),
            core_schema.no_info_plain_validator_function(_parse_money),
        )


Money = Annotated[
    Decimal,
    _Amount,
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,12}(\.\d{1,2})?$", "examples": ["1234.50"]}),
]
"""An amount of at most 12 digits before the point: a decimal string in JSON, with two decimals, never a float."""


_TOTAL = r"-?[0-9]{1,26}(\.[0-9]{1,2})?"


def _parse_total(value: object) -> Decimal:
    if isinstance(value, Decimal) and value.is_finite():
        value = f"{value:f}"
    if not isinstance(value, str) or not re.fullmatch(_TOTAL, value):
        raise ValueError(
            'must be an amount in quotes such as "1234.50", with at most 26 digits before and 2 after the point'
        )
    return Decimal(value)


MoneyTotal = Annotated[
    Decimal,
    BeforeValidator(_parse_total),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d{1,26}(\.\d{1,2})?$", "examples": ["1234.50"]}),
]
"""A sum of amounts of any number of contracts, written like ``Money``, with at most 26 digits before the point."""


def _parse_percent(value: object) -> Decimal:
    try:
        return Decimal(value) if isinstance(value, str | Decimal) else _not_a_percent()
    except ArithmeticError:
        return _not_a_percent()


def _not_a_percent() -> Decimal:
    raise ValueError('must be a number in quotes such as "12.50"')


Percent = Annotated[
    Decimal,
    BeforeValidator(_parse_percent),
    Field(ge=0, le=100, max_digits=6, decimal_places=3),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["12.50"]}),
]
"""A percentage of an amount, 0 to 100 with at most 3 decimals: a decimal string in JSON."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["MXN"])]
"""An ISO 4217 code."""


class Lane(StrEnum):
    """The road of an event: its outbox table, relay, topic and group.

    ``events`` is for facts one by one, ``bulk`` for facts by the thousand. ``agencies`` is for agencies: an event on
    this lane names its own topic, and no service listens to that topic.
    """

    EVENTS = "events"
    BULK = "bulk"
    AGENCIES = "agencies"


SERVICE_LANES = (Lane.EVENTS, Lane.BULK)
"""The lanes on which services publish to each other."""


EVERYONE = "*"
"""The audience of events that a restored service republishes, and that all services apply."""

_TYPE_RULE = "the publishing service, the name of the fact and v with a number, words in lower case joined by hyphens"
_WORDS = "[a-z][a-z0-9]*(-[a-z0-9]+)*"
_IS_EVENT_TYPE = re.compile(rf"{_WORDS}\.{_WORDS}\.v[1-9][0-9]*")


class Envelope(NamedTuple):
    """The metadata of an event, which travels as CloudEvents 1.0 headers.

    ``source`` is the service that published the event, and ``occurred_at`` the time at which it recorded the fact.
    ``audience`` is set on republished events only. It names the service that asked for them, or is ``EVERYONE`` after a
    restore. Republished events must not trigger side effects.
    """

    event_id: UUID
    type: str
    source: str
    occurred_at: datetime
    key: str
    traceparent: str | None = None
    audience: str | None = None


class Part(BaseModel):
    """A nested part of an event: immutable; unknown fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Part):
    """A fact: immutable; unknown fields are ignored, so that old readers survive new writers.

    A subclass that names its ``type`` is entered in ``REGISTRY``. Raises ``ValueError`` if the type does not have the
    form ``<service>.<name-of-the-fact>.v<n>``, or if another class has it. ``key`` names the field whose value is the
    event's key. Only an event that was received has an ``event_id``, an ``occurred_at`` and an ``envelope``; for any
    other event they raise ``LookupError``.
    """

    type: ClassVar[str]
    lane: ClassVar[Lane]
    key_field: ClassVar[str]

    # A slot, because a private attribute of pydantic would cost more for each event than reading its body.
    __slots__ = ("_envelope",)
    if TYPE_CHECKING:
        # A property, because type checkers without pydantic's plugin take an annotated attribute for an argument.
        @property
        def _envelope(self) -> Envelope: ...

    def __init_subclass__(
        cls, *, type: str | None = None, lane: Lane = Lane.EVENTS, key: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if key is not None:
            cls.key_field = key
        if type is None:
            return
        if not _IS_EVENT_TYPE.fullmatch(type):
            raise ValueError(
                f'event type "{type}" of {cls.__name__} is not like "orders.order-placed.v1": {_TYPE_RULE}'
            )
        if type in REGISTRY:
            raise ValueError(f"event type {type} is declared twice")
        cls.type = type
        cls.lane = lane
        REGISTRY[type] = cls

    @property
    def key(self) -> str:
        """The value of the key field; events of one key on one topic stay in order."""
        return str(getattr(self, self.key_field))

    @property
    def topic(self) -> str | None:
        """The event's own topic; None if it goes to the topic of its service and lane."""
        return None

    @property
    def envelope(self) -> Envelope:
        """The envelope with which the event came. Raises ``LookupError`` if the event was not received."""
        try:
            return self._envelope
        except AttributeError:
            raise LookupError(f"{type(self).__name__} was not received, so it has no envelope") from None

    @property
    def event_id(self) -> UUID:
        return self.envelope.event_id

    @property
    def occurred_at(self) -> datetime:
        return self.envelope.occurred_at

    @property
    def is_republished(self) -> bool:
        """Whether a source republished the event; nothing new has happened, so it must not trigger side effects."""
        return self.envelope.audience is not None

    @classmethod
    def received(cls, body: bytes | str, envelope: Envelope) -> Self:
        """The event with this ``body`` and ``envelope``; ``pydantic.ValidationError`` when the body is invalid."""
        event = cls.model_validate_json(body)
        object.__setattr__(event, "_envelope", envelope)
        return event

    def body(self) -> str:
        """The event as JSON."""
        return self.model_dump_json()


REGISTRY: dict[str, type[Event]] = {}
"""All known event types by name."""


class ContractEvent(Event, key="contract_id"):
    """A fact about one contract. The event's key is the contract's id."""

    contract_id: UUID


def bulk_sources() -> frozenset[str]:
    """The services that publish on the bulk lane, according to the contracts."""
    return frozenset(name.split(".", 1)[0] for name, event in REGISTRY.items() if event.lane is Lane.BULK)
