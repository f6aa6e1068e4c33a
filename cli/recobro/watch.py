"""Shows the platform's events live, one line each and without personal data."""

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
import typer
from recobro_events import (
    REGISTRY,
    CannotContinue,
    Event,
    Record,
    Transport,
    TransportError,
    envelope_of,
)
from recobro_events.contracts import assignment, dialer_feed, field_visits, portfolio, promises
from recobro_events.tailing import tail

from recobro.client import connect
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lookup import Numbers
from recobro.postgres import EmbeddedPostgres
from recobro.terminal import DEFAULT_DATA, AsJson, Data, err, printable
from recobro.topics import service_topics

_WHERE = ("stage", "days_past_due", "overdue_balance")
_PROMISED = ("promised", "paid", "due_on")
_SHOWN: dict[type[Event], tuple[str, ...]] = {
    portfolio.ContractRegistered: ("state", *_WHERE, "incomplete"),
    portfolio.ContractRevised: ("state", *_WHERE, "incomplete"),
    portfolio.ContractStageChanged: ("from_stage", "to_stage", "cause", "days_past_due", "overdue_balance"),
    portfolio.ContractNearsStage: ("from_stage", "stage", "on"),
    portfolio.ContractSegmentChanged: ("from_segment", "to_segment"),
    portfolio.ContractEscalated: ("from_step", "to_step", "cause"),
    portfolio.NoticeRecorded: ("kind", "sent_on"),
    portfolio.ChargeTaken: ("kind", "amount", "currency", "charged_on", *_WHERE),
    portfolio.ChargeReversed: ("kind", "amount", "currency", "reversed_on", *_WHERE),
    portfolio.AttemptMade: ("outcome", "right_party", "made_at"),
    portfolio.PaymentReceived: ("amount", "currency", "paid_on", "settled", *_WHERE),
    portfolio.PaymentReversed: ("amount", "currency", *_WHERE),
    portfolio.PaymentReapplied: ("amount", "credit", "currency", *_WHERE),
    portfolio.ClarificationOpened: ("opened_by", "deadline_on", *_WHERE),
    portfolio.ClarificationResolved: ("outcome", "contact_may_resume", *_WHERE),
    portfolio.ClarificationDeadlineNear: ("deadline_on",),
    portfolio.ClarificationDeadlinePassed: ("deadline_on",),
    portfolio.ContactPointChanged: ("kind", "change", "usable", "medium"),
    portfolio.PartyChanged: ("change",),
    portfolio.ConvenienceChanged: (),
    portfolio.DebtorStatusChanged: ("status",),
    portfolio.DebtorErased: (),
    portfolio.ContractPaused: ("starts_on", "ends_on", *_WHERE),
    portfolio.ContractResumed: ("starts_on", "ends_on", *_WHERE),
    portfolio.ContractClosed: ("reason", "overdue_balance"),
    portfolio.PortfolioStateChanged: ("state", "business_date"),
    portfolio.PortfolioFileLoaded: ("rows_accepted", "rows_rejected", "total_accepted", "currency"),
    dialer_feed.ContractsListed: ("business_date",),
    dialer_feed.ListPublished: ("business_date", "entries", "overdue_total"),
    dialer_feed.ListEntryWithdrawn: ("reason", "caused_at", "withdrawn_at"),
    dialer_feed.WithdrawalAcknowledged: ("acknowledged_at",),
    dialer_feed.CallCompleted: ("disposition", "started_at", "duration_seconds", "right_party"),
    dialer_feed.OptOutRequested: ("medium",),
    dialer_feed.ConvenienceRequested: ("not_media", "effective"),
    dialer_feed.ContactInvalid: (),
    dialer_feed.ClarificationRequested: (),
    dialer_feed.DebtorReported: ("status",),
    dialer_feed.PaymentClaimed: (),
    dialer_feed.WrongfulCallDetected: ("withdrawn_at", "called_at"),
    assignment.AgencyChanged: (),
    assignment.ContractPlaced: ("kind", "starts_on", "ends_on"),
    assignment.PlacementRecallRequested: ("kind", "final_on"),
    assignment.PlacementRecalled: ("kind",),
    assignment.PlacementReinstated: ("kind",),
    assignment.PlacementEnded: ("kind",),
    assignment.CommissionEarned: ("base", "percent", "amount", "currency"),
    assignment.CommissionReversed: ("base", "percent", "amount", "currency"),
    field_visits.VisitOrdered: ("visit_on",),
    field_visits.VisitCompleted: ("outcome", "attended_by", "photos"),
    field_visits.VisitReinstated: ("visit_on",),
    field_visits.VisitCancelled: ("reason",),
    field_visits.ContactDataCollected: ("kind",),
    field_visits.AddressChecked: ("verdict",),
    field_visits.AddressCollected: (),
    field_visits.DebtorReported: ("status",),
    field_visits.ClarificationRequested: (),
    promises.PromiseMade: ("promised", "due_on", "silent_until", "made_in"),
    promises.PromiseKept: _PROMISED,
    promises.PromisePartlyKept: _PROMISED,
    promises.PromiseBroken: _PROMISED,
    promises.PromiseReopened: _PROMISED,
    promises.PromiseCancelled: _PROMISED,
    promises.PromiseDueSoon: _PROMISED,
    promises.AgreementReached: ("kind", "settles_in_full"),
    promises.AgreementBroken: (),
    promises.AgreementFulfilled: (),
    promises.AgreementReopened: (),
    promises.AgreementCancelled: (),
    promises.AgreementSettled: ("kind", "settles_in_full"),
    promises.ProposalChanged: ("kind", "state", "valid_until"),
    promises.ClarificationRequested: ("reason",),
    promises.ConvenienceRequested: ("not_media",),
}
"""The fields that may be shown of each event type.

Free text, names, numbers and addresses are not shown. A new event type shows no fields until it is listed here.
"""


@dataclass(frozen=True)
class Seen:
    """An event with only the fields that anyone may see. ``number`` is its contract's, if the event states it."""

    at: str
    type: str
    key: str
    fields: dict[str, Any]
    contract_id: str | None = None
    number: str | None = None

    def line(self) -> str:
        fields = " ".join(f"{name}={_short(value)}" for name, value in self.fields.items() if value is not None)
        return f"{self.at}  {self.type.removesuffix('.v1'):<37} {self.number or self.key}  {fields}".rstrip()

    def as_json(self) -> str:
        named = {"at": self.at, "type": self.type, "key": self.key, "contract_number": self.number}
        return json.dumps({**named, **self.fields})


def watch(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show the platform's events as they are published, until Ctrl-C.

    Each event is one line without personal data, with the number of its contract. With --json each line is a JSON
    object. The runtime's own events are left out.

    Example: recobro watch | grep payment-received
    """
    # The runtime's logs about connections are for operators of services; here only events are wanted.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = DataFolder(data)
    transport = _transport_of(folder)
    with contextlib.ExitStack() as stack:
        # Over a Kafka whose services run elsewhere nobody can be asked for numbers.
        client = stack.enter_context(connect(folder, None)) if folder.running() else None
        asyncio.run(_print_events(transport, Numbers(client) if client else None, as_json=as_json))


def _transport_of(data: DataFolder) -> Transport:
    state = data.running()
    bootstrap = state.kafka_bootstrap if state else os.environ.get("RECOBRO_KAFKA_BOOTSTRAP")
    if bootstrap:
        from chassis import transport_from

        from recobro.log_settings import of_platform

        return transport_from(of_platform(None, bootstrap))
    if state is None:
        raise Trouble(
            tr("No platform is running on {folder}. Start one with: recobro up --data {folder}", folder=data.root)
        )
    from recobro_events.postgres import PostgresTransport

    return PostgresTransport(EmbeddedPostgres(data.postgres, state.postgres_port).dsn("log"))


async def _print_events(transport: Transport, numbers: Numbers | None, *, as_json: bool) -> None:
    printing = asyncio.create_task(_print_all(transport, numbers, as_json=as_json))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, printing.cancel)
    try:
        await printing
    except asyncio.CancelledError:
        return


async def _print_all(transport: Transport, numbers: Numbers | None, *, as_json: bool) -> None:
    printed: set[str] = set()

    def print_once(text: str) -> None:
        if text not in printed:
            err.print(text)
        printed.add(text)

    names = Names(numbers)

    events = events_from_now(
        transport,
        ready=lambda: print_once(tr("Watching the events. Ctrl-C ends the command.")),
        away=lambda: print_once(tr("The event log does not answer; waiting for it.")),
    )
    async for event in events:
        seen = await names.named(event)
        typer.echo(seen.as_json() if as_json else seen.line())


class Names:
    """Puts the numbers of their contracts on events that do not state them."""

    def __init__(self, numbers: Numbers | None) -> None:
        self._numbers = numbers

    async def named(self, seen: Seen) -> Seen:
        """Return the event with the number of its contract. It keeps its key if portfolio cannot be asked."""
        if self._numbers is None or seen.contract_id is None:
            return seen
        if seen.number is not None:
            self._numbers.learn(seen.contract_id, seen.number)
            return seen
        try:
            number = await asyncio.to_thread(self._numbers.of, seen.contract_id)
        except Trouble:
            return seen
        return replace(seen, number=number)


async def events_from_now(
    transport: Transport, ready: Callable[[], None] = lambda: None, away: Callable[[], None] = lambda: None
) -> AsyncGenerator[Seen, None]:
    """Yield every event that is appended from now on, without end.

    ``ready`` and ``away`` are those of ``recobro_events.tailing.tail``. Raises ``Trouble`` if the log cannot be reached
    at first.
    """
    try:
        async for records in tail(transport, service_topics(), "recobro.watch", ready, away):
            for record in records:
                if seen := _seen(record):
                    yield seen
    except TransportError as error:
        raise Trouble(tr("The event log cannot be reached: {error}", error=error)) from error


def _seen(record: Record) -> Seen | None:
    try:
        envelope = envelope_of(record.headers)
    except CannotContinue:
        return None
    if envelope.type.startswith("runtime."):
        return None
    values = _values_of(record.value)
    event_type = REGISTRY.get(envelope.type)
    names = _SHOWN.get(event_type, ()) if event_type else ()
    contract_id, number = values.get("contract_id"), values.get("contract_number")
    return Seen(
        at=envelope.occurred_at.strftime("%H:%M:%S.%f")[:-3],
        type=envelope.type,
        key=envelope.key,
        fields={name: values.get(name) for name in names},
        contract_id=contract_id if isinstance(contract_id, str) else None,
        number=printable(number) if isinstance(number, str) else None,
    )


def _values_of(body: bytes) -> dict[str, Any]:
    """Return the fields of an event. An unreadable event has none."""
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _short(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
