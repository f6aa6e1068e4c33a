"""Contracts as they are shown: searched for, listed, whole."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from chassis import OutputModel, Page, PageQuery, Reader, ShortText, page
from fastapi import Query
from recobro_events import Money, Row
from recobro_events.contracts.field_visits import AddressVerdict
from recobro_events.contracts.portfolio import ContractState, DebtorStatus, Instalment, Stage
from recobro_events.contracts.promises import PromiseState

from portfolio import contracts_queries as queries
from portfolio.clarifications import Clarification
from portfolio.contact_points import ContactPoint
from portfolio.locking import ContractUnknown
from portfolio.placements import PlacementView, worked_by
from portfolio.promises import PromiseView
from portfolio.rules import Hold, holds_of, next_stage_on

_PHONE_PUNCTUATION = re.compile(r"[\s().+\-/]+")
_FEWEST_PHONE_DIGITS = 4
_COMBINING_MARKS = re.compile("[\u0300-\u036f]")


@dataclass(frozen=True)
class ContractFilter:
    """Which contracts are asked for; all that is given must hold. ``q``: part of a name, a phone or a tax id."""

    portfolio_id: UUID | None = None
    number: ShortText | None = None
    stage: Stage | None = None
    state: ContractState | None = None
    incomplete: bool | None = None
    q: Annotated[ShortText | None, Query(description="Part of the name, a phone or the tax id")] = None


class ContractItem(OutputModel):
    contract_id: UUID
    portfolio_id: UUID
    contract_number: str
    debtor_id: UUID
    debtor_name: str
    product: str | None
    state: ContractState
    stage: Stage
    incomplete: bool
    as_of: date
    days_past_due: int
    overdue_balance: Money
    total_balance: Money
    oldest_due_on: date | None
    currency: str


class DebtorView(OutputModel):
    debtor_id: UUID
    debtor_number: str | None
    kind: str | None
    name: str
    tax_id: str | None
    status: DebtorStatus


class AddressView(OutputModel):
    address_id: UUID
    kind: str
    street: str | None
    exterior: str | None
    interior: str | None
    neighbourhood: str | None
    postal_code: str | None
    city: str | None
    state: str | None
    country: str
    authorised: bool
    irregular_numbering: bool
    issues: list[str]
    verdict: AddressVerdict | None


class PauseView(OutputModel):
    pause_id: UUID
    reason: str
    starts_on: date
    ends_on: date | None


class PaymentItem(OutputModel):
    payment_id: UUID
    amount: Money
    paid_on: date
    received_at: datetime
    business_date: date
    channel: str
    reference: str | None
    credit: Money
    reversed_at: datetime | None


class ContractView(OutputModel):
    """The whole contract. ``payments``: the latest 100; ``promises``: the 100 that are due last.

    ``holds``: why nobody may contact the debtor about it now.
    """

    contract_id: UUID
    portfolio_id: UUID
    creditor_id: UUID
    contract_number: str
    state: ContractState
    stage: Stage
    incomplete: bool
    product: str | None
    currency: str
    jurisdiction: str
    version: int
    as_of: date
    business_date: date
    stated_as_of: date
    created_at: datetime
    days_past_due: int
    overdue_balance: Money
    total_balance: Money
    oldest_due_on: date | None
    next_stage_on: date | None
    next_change_on: date | None
    episode: int
    debtor: DebtorView
    contact_points: list[ContactPoint]
    addresses: list[AddressView]
    instalments: list[Instalment]
    payments: list[PaymentItem]
    clarifications: list[Clarification]
    pauses: list[PauseView]
    holds: list[Hold]
    placements: list[PlacementView]
    promises: list[PromiseView]


async def find(
    reader: Reader, wanted: ContractFilter, query: PageQuery, agency_id: UUID | None = None
) -> Page[ContractItem]:
    """A page of the contracts that are asked for, by portfolio and contract number; an agency finds only its own."""
    arguments: list[Any] = []

    def given(value: Any) -> str:
        arguments.append(value)
        return f"${len(arguments)}"

    exact = {name: getattr(wanted, name) for name in ("portfolio_id", "stage", "state", "incomplete")}
    conditions = [f"contract.{column} = {given(value)}" for column, value in exact.items() if value is not None]
    if wanted.number is not None:
        conditions.append(f"contract_number = {given(wanted.number)}")
    if agency_id is not None:
        conditions.append(worked_by(given(agency_id)))
    if wanted.q is not None:
        conditions.append(_matching(wanted.q, given))
    if (after := query.after(UUID, str)) is not None:
        conditions.append(f"(contract.portfolio_id, contract_number) > ({given(after[0])}, {given(after[1])})")
    sql = queries.LIST.format(conditions=" AND ".join(conditions or ["true"]), limit=given(query.limit + 1))
    rows = await reader.fetch(sql, *arguments)
    return page(rows, query, key=lambda row: (row["portfolio_id"], row["contract_number"]))


def _matching(q: str, given: Any) -> str:
    """SQL: every word is part of the name, or it is a phone's digits, or the tax id starts so."""
    folded = _COMBINING_MARKS.sub("", unicodedata.normalize("NFKD", q)).lower()
    words = [f"search_name LIKE {given(f'%{_escaped(word)}%')}" for word in folded.split()]
    ways = ["(" + " AND ".join(words) + ")", f"upper(tax_id) LIKE {given(_escaped(q.upper()) + '%')}"]
    digits = _PHONE_PUNCTUATION.sub("", q)
    if digits.isascii() and digits.isdigit() and len(digits) >= _FEWEST_PHONE_DIGITS:
        phones = "SELECT contract_id FROM contact_point WHERE kind = 'phone' AND current AND value LIKE"
        ways.append(f"contract.contract_id IN ({phones} {given(f'%{digits}%')})")
    return "(" + " OR ".join(ways) + ")"


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


async def read(reader: Reader, contract_id: UUID, agency_id: UUID | None = None) -> ContractView:
    """``ContractUnknown``, also for an agency whose contract it is not."""
    row = await reader.fetchrow(queries.WHOLE, contract_id, agency_id)
    if row is None:
        raise ContractUnknown()
    pauses = [PauseView.model_validate(pause) for pause in row["pauses"]]
    clarifications = [Clarification.model_validate(one) for one in row["clarifications"]]
    promises = [PromiseView.model_validate(promise) for promise in row["promises"]]
    computed = {
        "pauses": pauses,
        "promises": promises,
        "clarifications": clarifications,
        "holds": _holds(row, clarifications, pauses, promises),
        "next_stage_on": _next_stage_on(row, pauses),
    }
    stored = {name: row[name] for name in ContractView.model_fields if name not in computed}
    return ContractView.model_validate(stored | computed)


def _holds(
    row: Row, clarifications: list[Clarification], pauses: list[PauseView], promises: list[PromiseView]
) -> list[Hold]:
    return holds_of(
        ContractState(row["state"]),
        DebtorStatus(row["debtor"]["status"]),
        [one.clarification_id for one in clarifications if not one.contact_may_resume],
        [(pause.starts_on, pause.ends_on) for pause in pauses],
        row["as_of"],
        any(point["kind"] == "phone" and point["usable"] for point in row["contact_points"]),
        [promise.silent_until for promise in promises if promise.state is PromiseState.OPEN],
    )


def _next_stage_on(row: Row, pauses: list[PauseView]) -> date | None:
    if row["state"] != ContractState.OPEN:
        return None
    return next_stage_on(row["oldest_due_on"], [(pause.starts_on, pause.ends_on) for pause in pauses], row["as_of"])


async def payments(reader: Reader, contract_id: UUID, query: PageQuery) -> Page[PaymentItem]:
    """A page of a contract's payments, the first one first. ``ContractUnknown``."""
    after = query.after(int) or 0
    rows = await reader.fetch(queries.PAYMENTS, contract_id, after, query.limit + 1)
    if not rows and not await reader.fetchval("SELECT true FROM contract WHERE contract_id = $1", contract_id):
        raise ContractUnknown()
    return page(rows, query, key=lambda row: (row["sequence"],))
