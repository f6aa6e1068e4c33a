"""A program that cannot work is refused before it runs, with an error that states what to change."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from recobro_events import Consumer, ContractEvent, Database, Event, Runtime, Transaction
from recobro_events.contracts import agency
from recobro_events.contracts.runtime import ContractSetAside
from recobro_events.memory import MemoryTransport
from toy_services import Publisher


class Handlers:
    """Functions that a consumer refuses as handlers, and two that it accepts."""

    async def right(self, events: Sequence[Event], tx: Transaction) -> None: ...

    def not_async(self, events: Sequence[Event], tx: Transaction) -> None: ...

    async def no_transaction(self, events: Sequence[Event]) -> None: ...

    async def three(self, events: Sequence[Event], tx: Transaction, third: int) -> None: ...

    async def a_default(self, events: Sequence[Event], tx: Transaction, third: int = 3) -> None: ...


MISTAKES: list[tuple[Callable[..., Any], str]] = [
    (Handlers().not_async, r"subscriber cannot call Handlers\.not_async: it must be an async function"),
    (Handlers().no_transaction, "it must take the events and the transaction; too many positional arguments"),
    (Handlers().three, "it must take the events and the transaction; missing a required argument: 'third'"),
]


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def consumer(publisher: Publisher) -> Consumer:
    return Consumer("subscriber", listens_to=[publisher.name])


@pytest.mark.parametrize(("mistake", "why"), MISTAKES)
def test_a_handler_with_a_wrong_signature_is_refused(
    consumer: Consumer, publisher: Publisher, mistake: Callable[..., Any], why: str
) -> None:
    with pytest.raises(TypeError, match=why):
        consumer.on(publisher.Paid)(mistake)
    assert consumer.handlers == {}


def test_a_handler_that_takes_events_and_transaction_is_accepted(consumer: Consumer, publisher: Publisher) -> None:
    consumer.on(publisher.Paid)(Handlers().right)
    consumer.on(publisher.Loaded)(Handlers().a_default)
    assert set(consumer.handlers) == {publisher.Paid, publisher.Loaded}


@pytest.mark.parametrize("hook", ["first", "lock_rows", "last"])
def test_a_hook_with_a_wrong_signature_is_refused(consumer: Consumer, hook: str) -> None:
    with pytest.raises(TypeError, match="it must take the transaction"):
        getattr(consumer, hook)(Handlers().three)


def test_a_handler_for_a_service_that_is_not_listened_to_is_refused(consumer: Consumer, publisher: Publisher) -> None:
    other = Publisher()
    why = f"subscriber handles {other.Paid.type} but does not listen to {other.name}, only to {publisher.name}: add"
    with pytest.raises(ValueError, match=why):
        consumer.on(publisher.Paid, other.Paid)(Handlers().right)


def test_a_handler_for_an_event_to_agencies_is_refused() -> None:
    with pytest.raises(ValueError, match="services do not listen to lane agencies"):
        Consumer("subscriber", listens_to=["agency"]).on(agency.ClarificationOpened)(Handlers().right)


def test_a_handler_for_an_event_class_without_a_type_is_refused(consumer: Consumer) -> None:
    with pytest.raises(ValueError, match="cannot handle ContractEvent: the class has no event type"):
        consumer.on(ContractEvent)(Handlers().right)


def test_runtime_events_need_no_entry_in_listens_to(consumer: Consumer) -> None:
    consumer.on(ContractSetAside)(Handlers().right)
    assert ContractSetAside in consumer.handlers


def test_listening_to_an_unknown_service_is_refused(publisher: Publisher) -> None:
    misspelt = f"{publisher.name}s"
    consumer = Consumer("subscriber", listens_to=[publisher.name, misspelt])
    database = Database("postgresql://nowhere/none")
    with pytest.raises(
        ValueError, match=f"subscriber listens to {misspelt}, but no known event type begins with that name"
    ):
        Runtime("subscriber", database, MemoryTransport(), consumer)
    Runtime("subscriber", database, MemoryTransport(), Consumer("subscriber", listens_to=[publisher.name]))


@pytest.mark.parametrize(
    "name",
    [
        "order-placed.v1",
        "orders.order-placed",
        "orders.order-placed.1",
        "orders.order-placed.v0",
        "orders.order_placed.v1",
        "Orders.order-placed.v1",
        "orders.OrderPlaced.v1",
        "orders.eu.order-placed.v1",
        "orders.-placed.v1",
        "orders.order-placed.v1 ",
        "",
    ],
)
def test_an_event_type_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r'of Placed is not like "orders\.order-placed\.v1"'):
        type("Placed", (ContractEvent,), {"__module__": __name__}, type=name)


def test_an_event_type_of_the_right_form_is_accepted() -> None:
    name = f"orders2.order-placed-{uuid4().hex}.v12"
    placed = type("Placed", (ContractEvent,), {"__module__": __name__}, type=name)
    assert placed(contract_id=UUID(int=1)).type == name
