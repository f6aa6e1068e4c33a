"""Keeps what agencies report about contracts that are not with them. Such a report has no effect until a decision."""

from collections.abc import Sequence

from recobro_events import ContractEvent, Transaction

from portfolio.ledger import history
from portfolio.ledger.history import Line
from portfolio.reports import queries


async def keep(tx: Transaction, reports: Sequence[ContractEvent]) -> None:
    """Store these events. An event that is stored already changes nothing."""
    if not reports:
        return
    rows = [(event.event_id, event.contract_id, event.type, event.body()) for event in reports]
    await tx.execute(queries.KEEP, *zip(*rows, strict=True))
    await history.record(tx, [_line(event) for event in reports])


def name_of(event_type: str) -> str:
    """The name of the fact in an event type: ``dialer-feed.debtor-reported.v1`` is ``debtor-reported``."""
    return event_type.split(".")[1]


def _line(event: ContractEvent) -> Line:
    summary = f"{name_of(event.type)} by an agency without the contract: no effect until a person decides"
    return Line(event.contract_id, "report_without_effect", summary, {"report_id": event.event_id, "type": event.type})
