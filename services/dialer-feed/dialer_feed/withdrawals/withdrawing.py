"""Withdrawing contracts from live lists: the causes, and the lists that each cause concerns."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from recobro_events import ContractEvent, Note, Transaction
from recobro_events.contracts.dialer_feed import WithdrawalReason
from recobro_events.contracts.portfolio import PaymentReceived

from dialer_feed.withdrawals import queries

TAKEN: Note[list["Taken"]] = Note(list)
"""What the transaction has withdrawn, or changed, and not yet numbered."""


class Taken(NamedTuple):
    """An entry that was withdrawn, or that has changed (``kind``). With a lead, the contract was named in its entry."""

    list_id: UUID
    contract_id: UUID
    kind: str
    reason: str
    caused_at: datetime
    lead_id: UUID | None


class Cause(NamedTuple):
    """Why a contract leaves its lists, and since when the reason holds. ``event_id`` is None for a dialer's report."""

    contract_id: UUID
    reason: WithdrawalReason
    event_id: UUID | None
    caused_at: datetime

    @classmethod
    def of(cls, event: ContractEvent, reason: WithdrawalReason) -> "Cause":
        happened = event.received_at if isinstance(event, PaymentReceived) else event.occurred_at
        return cls(event.contract_id, reason, event.event_id, happened)


class Reach(NamedTuple):
    """The live lists that a cause concerns: of one agency or of all (None), from ``starts_on`` to ``ends_on``."""

    agency_id: UUID | None = None
    starts_on: date | None = None
    ends_on: date | None = None


class NotSilencing(RuntimeError):
    """A withdrawal was tried before silencing had begun, or after its withdrawals had been numbered."""

    def __init__(self) -> None:
        super().__init__("this transaction is not silencing: its withdrawals would get no cursor")


class LiveLists:
    """Withdraws contracts from the live lists, within a transaction that is ``silencing``.

    A list that is being built counts as live. An entry withdrawn from it was never published and gets no cursor.
    """

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._ended = False

    def end(self) -> None:
        """Refuse every later withdrawal with ``NotSilencing``, because nothing would number it."""
        self._ended = True

    async def withdraw(self, causes: Sequence[Cause]) -> None:
        """Withdraw these contracts from every live list."""
        if causes:
            await self._take(queries.WITHDRAW, *_columns(causes), None, False)  # noqa: FBT003

    async def withdraw_from(self, list_id: UUID, causes: Sequence[Cause], *, elsewhere: bool) -> None:
        """Withdraw these contracts from this list, live or not; with ``elsewhere`` also from every live list."""
        if causes:
            await self._take(queries.WITHDRAW, *_columns(causes), list_id, not elsewhere)

    async def withdraw_within(self, causes: Sequence[Cause], reaches: Sequence[Reach]) -> None:
        """Withdraw these contracts from the live lists that the reach of each cause covers."""
        if causes:
            columns = (*_columns(causes), *zip(*reaches, strict=True))
            await self._take(queries.WITHDRAW_WITHIN, *columns)

    async def withdraw_numbers(self, causes: Sequence[Cause], contact_ids: Sequence[UUID]) -> None:
        """Take these unusable numbers off their entries. An entry without any other is withdrawn as ``no_phone``."""
        if causes:
            await self._take(queries.WITHDRAW_NUMBERS, *_columns(causes), contact_ids, None, False, False)  # noqa: FBT003

    async def withdraw_numbers_from(
        self, list_id: UUID, causes: Sequence[Cause], contact_ids: Sequence[UUID], *, elsewhere: bool
    ) -> None:
        """Take these numbers off the entries of this list, live or not; with ``elsewhere`` also of every live list.

        Where no number is left, the entry is withdrawn for the reason that was reported.
        """
        if causes:
            columns = (*_columns(causes), contact_ids)
            await self._take(queries.WITHDRAW_NUMBERS, *columns, list_id, not elsewhere, True)  # noqa: FBT003

    async def withdraw_unfit(self, events: Sequence[ContractEvent]) -> None:
        """Withdraw the contracts of these events from the live lists on which they may no longer be."""
        columns = zip(*((e.contract_id, e.event_id, e.occurred_at) for e in events), strict=True)
        await self._take(queries.WITHDRAW_UNFIT, *columns)

    async def withdraw_others_of_another(self, events: Sequence[ContractEvent]) -> None:
        """Take contracts out of the entries that name them where these events gave lead and contract two people."""
        columns = zip(*((e.contract_id, e.event_id, e.occurred_at) for e in events), strict=True)
        await self._take(queries.WITHDRAW_OTHERS_OF_ANOTHER, *columns)

    async def _take(self, statement: str, *arguments: object) -> None:
        if self._ended:
            raise NotSilencing
        taken = await self._tx.fetch(statement, *arguments)
        # The note is fetched each time, because a failed savepoint restores an older note.
        self._tx.note(TAKEN).extend(sorted(Taken(*(row[name] for name in Taken._fields)) for row in taken))


def _columns(causes: Sequence[Cause]) -> list[tuple[object, ...]]:
    return list(zip(*causes, strict=True))
