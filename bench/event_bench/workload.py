"""The events of the benchmark, and the consumer that keeps the newest payment of each contract."""

import os
import uuid
from collections.abc import Callable, Sequence
from datetime import date
from enum import StrEnum
from uuid import UUID

from recobro_events import Consumer, ContractEvent, Lane, Money, Transaction
from recobro_events.tracing import current_traceparent

from event_bench import rows

NAME = os.environ.setdefault("EVENT_BENCH_NAME", f"bench{uuid.uuid4().hex[:8]}")
"""The run's name, which makes its topics unique. The processes of the run inherit it."""

BACKLOG, LIVE, RELAYED = f"{NAME}backlog", f"{NAME}live", f"{NAME}relayed"
"""The publishing services: of a backlog, of events that are read as they come, of events that no consumer reads."""

READERS = {log: f"{NAME}{log}" for log in ("kafka", "embedded")}
"""The reading service of each log. There are two, because a position belongs to one log."""

Applied = Callable[[int, Sequence[str]], None]


class PaymentEvent(ContractEvent):
    """The fields of a payment."""

    payment_id: UUID
    version: int
    amount: Money
    currency: str
    paid_on: date
    channel: str
    reference: str
    overdue_balance: Money
    total_balance: Money
    settled: bool


class Paid(PaymentEvent, type=f"{NAME}.paid.v1"):
    """A payment on the lane of single events."""


class Restated(PaymentEvent, type=f"{LIVE}.restated.v1", lane=Lane.BULK):
    """A payment on the lane of bulk events."""


class Held(ContractEvent, type=f"{BACKLOG}.held.v1"):
    """Registers the backlog as a publishing service. It publishes only ``Paid``."""


class Noted(ContractEvent, type=f"{NAME}.noted.v1"):
    """The reader's answer to a payment."""

    payment_id: UUID
    overdue_balance: Money


class Answers(StrEnum):
    """How the reader publishes its answers."""

    NONE = "none"
    BY_STATEMENT = "by statement"
    FROM_PYTHON = "from Python"


def reader(log: str, source: str, applied: Applied, answers: Answers) -> Consumer:
    """Return a consumer that keeps the newest payments of ``source`` and answers them.

    After each commit it calls ``applied`` with the number of payments and the references of single ones.
    """
    consumer = Consumer(READERS[log], listens_to=[source])

    async def keep(payments: Sequence[PaymentEvent], tx: Transaction) -> None:
        columns = rows.columns([rows.row(payment) for payment in payments])
        if answers is Answers.BY_STATEMENT:
            causes = [payment.event_id for payment in payments]
            trace = current_traceparent()
            await tx.execute(rows.UPSERT_AND_ANSWER, *columns, causes, tx.consumer, Noted.type, trace)
            tx.wrote_outbox(Lane.EVENTS)
        else:
            await tx.execute(rows.UPSERT, *columns)
        for payment in payments if answers is Answers.FROM_PYTHON else ():
            noted = Noted(
                contract_id=payment.contract_id,
                payment_id=payment.payment_id,
                overdue_balance=payment.overdue_balance,
            )
            tx.publish(noted, cause=payment)
        urgent = [payment.reference for payment in payments if isinstance(payment, Paid)]
        tx.after_commit(lambda: applied(len(payments), urgent))

    # `on` requires a type of a service that the consumer listens to, but three services publish these types here.
    consumer.handlers |= {Paid: keep, Restated: keep}
    return consumer
