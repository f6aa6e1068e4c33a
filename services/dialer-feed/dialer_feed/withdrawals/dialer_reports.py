"""A dialer's report silences at once in this service. The portfolio then receives the report and decides finally.

A report about a contract or a number is kept as a row of ``reported_silence`` until the portfolio has decided. The
barrier of a later list shows that the portfolio's answer has been applied here, whatever it is; ``lists.building`` then
deletes the row. A claimed payment holds off as long as a payment would. ``other`` concerns its list only. A report
without effect (``standing``) concerns its list only too, and waits for a person.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from recobro_events import Event, Transaction
from recobro_events.contracts.dialer_feed import (
    ClarificationRequested,
    ContactInvalid,
    DebtorReported,
    OptOutRequested,
    PaymentClaimed,
)
from recobro_events.contracts.dialer_feed import WithdrawalReason as Reason
from recobro_events.contracts.portfolio import DebtorStatus

from dialer_feed.withdrawals import queries
from dialer_feed.withdrawals.withdrawing import Cause, LiveLists

REPORTABLE = frozenset(
    {
        Reason.PAYMENT_CLAIMED,
        Reason.CLARIFICATION,
        Reason.WRONG_NUMBER,
        Reason.OPTED_OUT,
        Reason.DECEASED,
        Reason.REPRESENTED,
        Reason.OTHER,
    }
)
"""The reasons that a dialer may give. Only this service gives the other reasons."""
MOST_BY_HAND = 20
"""How often dialers may withdraw one contract from one list by hand."""
OF_A_NUMBER = frozenset({Reason.WRONG_NUMBER, Reason.OPTED_OUT})
"""Reasons that belong to a number, not to the whole contract."""


@dataclass(frozen=True)
class Report:
    """Why one contract is to leave a list. ``contact_ids`` are the numbers concerned, if the reason is of a number.

    Without a list, ``list_id`` is zeros. A report that is not ``published`` has no event for portfolio.
    """

    list_id: UUID
    contract_id: UUID
    reason: Reason
    contact_ids: Sequence[UUID]
    reported_by: str
    agency_id: UUID | None = None
    effective: bool = True
    published: bool = True
    call_id: str | None = None
    detail: str | None = None

    def silences(self) -> Iterator[tuple[UUID, UUID | None, str]]:
        """Yield the silences to keep: rows of contract, contact point, reason."""
        if self.reason in OF_A_NUMBER:
            yield from ((self.contract_id, contact_id, self.reason) for contact_id in self.contact_ids)
        elif self.reason not in (Reason.PAYMENT_CLAIMED, Reason.OTHER):
            yield self.contract_id, None, self.reason

    def events(self) -> Iterator[Event]:
        """Yield the events that the portfolio decides on. Without effect, a person decides."""
        if not self.published:
            return
        about: dict[str, Any] = {"contract_id": self.contract_id, "effective": self.effective}
        match self.reason:
            case Reason.WRONG_NUMBER:
                for contact_id in self.contact_ids:
                    yield ContactInvalid(**about, contact_id=contact_id, why=self.reason)
            case Reason.OPTED_OUT:
                for contact_id in self.contact_ids:
                    yield OptOutRequested(**about, contact_id=contact_id)
            case Reason.CLARIFICATION:
                yield ClarificationRequested(
                    **about, reason="reported_by_dialer", detail=self.detail, reported_by=self.reported_by
                )
            case Reason.DECEASED | Reason.REPRESENTED:
                status = DebtorStatus(self.reason.value)
                yield DebtorReported(**about, status=status, reported_by=self.reported_by)
            case Reason.PAYMENT_CLAIMED:
                yield PaymentClaimed(**about, detail=self.detail)

    def row(self) -> tuple[object, ...]:
        """Return the row of ``dialer_report``."""
        return (
            self.list_id,
            self.contract_id,
            self.agency_id,
            self.reason,
            list(self.contact_ids),
            self.call_id,
            self.detail,
            self.reported_by,
            self.effective,
        )


async def act(tx: Transaction, lists: LiveLists, reports: Sequence[Report]) -> None:
    """Silence, publish to the portfolio, withdraw. ``lists`` come from the block that is silencing these contracts.

    A report without effect takes the contract off its own list, and silences nothing.
    """
    await tx.connection.executemany(queries.KEEP_REPORT, [report.row() for report in reports])
    effective = [report for report in reports if report.effective]
    if silences := [row for report in effective for row in report.silences()]:
        await tx.execute(queries.KEEP_SILENCES, *zip(*silences, strict=True))
    if claimed := [(r.contract_id, r.list_id) for r in effective if r.reason is Reason.PAYMENT_CLAIMED]:
        await tx.execute(queries.KEEP_CLAIMED_PAYMENTS, *zip(*claimed, strict=True))
    tx.publish(*(event for report in reports for event in report.events()))
    of_contracts = [report for report in reports if report.reason not in OF_A_NUMBER]
    for (list_id, elsewhere), causes in _causes(of_contracts).items():
        await lists.withdraw_from(list_id, list(causes.values()), elsewhere=elsewhere)
    now = datetime.now(UTC)
    for report in reports:
        if report.reason in OF_A_NUMBER:
            causes_of_numbers = [Cause(report.contract_id, report.reason, None, now)] * len(report.contact_ids)
            numbers = report.contact_ids
            await lists.withdraw_numbers_from(report.list_id, causes_of_numbers, numbers, elsewhere=report.effective)


def _causes(reports: Sequence[Report]) -> dict[tuple[UUID, bool], dict[UUID, Cause]]:
    """Return the first cause for each contract, by list and by whether other lists are concerned too."""
    now = datetime.now(UTC)
    grouped: dict[tuple[UUID, bool], dict[UUID, Cause]] = defaultdict(dict)
    for report in reports:
        cause = Cause(report.contract_id, report.reason, None, now)
        elsewhere = report.effective and report.reason is not Reason.OTHER
        grouped[report.list_id, elsewhere].setdefault(report.contract_id, cause)
    return grouped
