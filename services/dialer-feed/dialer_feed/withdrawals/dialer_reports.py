"""What a dialer reports silences at once, here; the portfolio is asked, and decides for good.

A report about a contract or a number holds as a row of ``reported_silence`` until the portfolio has decided: the
barrier that a later list asks for tells when its answer is here, whatever it was, and the row goes (``listing``). A
claimed payment holds as long as a payment would; ``other`` holds for its list only.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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

from dialer_feed.calls import queries
from dialer_feed.campaigns.rules import OF_A_NUMBER
from dialer_feed.withdrawals import withdrawing as withdrawal
from dialer_feed.withdrawals.withdrawing import Cause


@dataclass(frozen=True)
class Report:
    """One contract is to leave a list, and why. ``contact_ids``: the numbers meant, where the reason is of a number."""

    list_id: UUID
    contract_id: UUID
    reason: Reason
    contact_ids: Sequence[UUID]
    reported_by: str
    detail: str | None = None

    def silences(self) -> Iterator[tuple[UUID, UUID | None, str]]:
        """What is silent from now on: rows of contract, contact point, reason."""
        if self.reason in OF_A_NUMBER:
            yield from ((self.contract_id, contact_id, self.reason) for contact_id in self.contact_ids)
        elif self.reason not in (Reason.PAYMENT_CLAIMED, Reason.OTHER):
            yield self.contract_id, None, self.reason

    def events(self) -> Iterator[Event]:
        """What the portfolio is told."""
        match self.reason:
            case Reason.WRONG_NUMBER:
                for contact_id in self.contact_ids:
                    yield ContactInvalid(contract_id=self.contract_id, contact_id=contact_id, why=self.reason)
            case Reason.OPTED_OUT:
                for contact_id in self.contact_ids:
                    yield OptOutRequested(contract_id=self.contract_id, contact_id=contact_id)
            case Reason.CLARIFICATION:
                yield ClarificationRequested(
                    contract_id=self.contract_id,
                    reason="reported_by_dialer",
                    detail=self.detail,
                    reported_by=self.reported_by,
                )
            case Reason.DECEASED | Reason.REPRESENTED:
                status = DebtorStatus(self.reason.value)
                yield DebtorReported(contract_id=self.contract_id, status=status, reported_by=self.reported_by)
            case Reason.PAYMENT_CLAIMED:
                yield PaymentClaimed(contract_id=self.contract_id, detail=self.detail)


async def act(tx: Transaction, reports: Sequence[Report]) -> None:
    """Silence, tell the portfolio, withdraw. The contracts are locked; ``withdrawal.number`` is still to come."""
    await queries.keep_silences(tx, [row for report in reports for row in report.silences()])
    claimed = [(r.contract_id, r.list_id) for r in reports if r.reason is Reason.PAYMENT_CLAIMED]
    await queries.keep_claimed_payments(tx, claimed)
    tx.publish(*(event for report in reports for event in report.events()))
    for (list_id, elsewhere), causes in _causes(reports).items():
        await withdrawal.withdraw_from(tx, list_id, list(causes.values()), elsewhere=elsewhere)


def _causes(reports: Sequence[Report]) -> dict[tuple[UUID, bool], dict[UUID, Cause]]:
    """By list, and whether other lists are meant too: the first cause for each contract."""
    now = withdrawal.now()
    grouped: dict[tuple[UUID, bool], dict[UUID, Cause]] = defaultdict(dict)
    for report in reports:
        cause = Cause(report.contract_id, report.reason, None, now)
        grouped[report.list_id, report.reason is not Reason.OTHER].setdefault(report.contract_id, cause)
    return grouped
