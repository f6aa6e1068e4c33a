"""Reading a whole contract."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Reader
from jurisdictions import places_of_address, places_of_phone, tax_id_mark
from recobro_events import Money, Row
from recobro_events.contracts.field_visits import AddressVerdict
from recobro_events.contracts.portfolio import Components, ContractState, DebtorStatus, Stage
from recobro_events.contracts.promises import PromiseState

from portfolio.clarifications.reading import Clarification
from portfolio.contracts import queries
from portfolio.contracts.holds import Hold, holds_of
from portfolio.debtors import parties
from portfolio.debtors.contact_points import ContactPoint
from portfolio.debtors.parties import PartyView
from portfolio.ledger.components import Component, unpaid_components
from portfolio.ledger.positions_queries import STARTS
from portfolio.ledger.rules import next_stage_on
from portfolio.payments.reading import PaymentItem
from portfolio.people.convenience import KeptConvenience
from portfolio.projection.placements import PlacementView
from portfolio.projection.promises import PromiseView


class DebtorView(OutputModel):
    """``person_id`` is equal for all customers who are one person; operators see it.

    ``tax_id_kind`` is what the tax id is (RFC, CURP, CPF, CNPJ, EIN), ``tax_id_problem`` what is wrong with it:
    ``bad_length``, ``bad_format``, ``bad_check_digit``, ``bad_part`` or ``generic``. Both are null where nothing is
    checked.
    """

    debtor_id: UUID
    person_id: UUID | None
    debtor_number: str | None
    kind: str | None
    name: str
    tax_id: str | None
    tax_id_kind: str | None
    tax_id_problem: str | None
    language: str | None
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
    provenance: str


class InstalmentView(OutputModel):
    """An instalment. ``amount`` was unpaid when the creditor last reported it; ``unpaid`` is still unpaid now.

    While a restructure is in force, an instalment is a part of its schedule.

    ``components`` are the parts of the amount, and ``unpaid_components`` what is unpaid of them; null where the
    creditor has not stated them.
    """

    number: int
    due_on: date
    amount: Money
    unpaid: Money
    components: Components | None
    unpaid_components: Components | None


class PauseView(OutputModel):
    pause_id: UUID
    reason: str
    starts_on: date
    ends_on: date | None


class ContractView(OutputModel):
    """The whole contract, with its latest 100 payments and clarifications and the 100 promises that are due last.

    A clarification that stops contact is always among them.

    An agency sees what its kind of work needs: for dialing neither tax id nor addresses, and for visits no amounts
    before the debtor has attended a visit. Of ``parties`` it sees those that may be contacted, and of ``conveniences``,
    which bind it too, not the reasons. ``holds`` are the
    reasons for which nobody may contact the debtor about the contract now. ``timezones`` are those in which the debtor
    may be, by the addresses and the usable phones: contact is allowed when it is allowed in all of them. It is empty
    where nothing tells a place.
    ``components`` are the parts of ``total_balance``, null where the creditor has not stated any. A payment pays them
    in ``allocation_order``, instalment by instalment. ``rescheduled_by`` is the restructure in force, whose schedule
    then stands in ``instalments``.
    """

    contract_id: UUID
    portfolio_id: UUID
    creditor_id: UUID
    contract_number: str
    state: ContractState
    stage: Stage
    incomplete: bool
    product: str | None
    original_creditor: str | None
    origination_date: date | None
    currency: str
    jurisdiction: str
    version: int
    as_of: date
    business_date: date
    stated_as_of: date
    created_at: datetime
    days_past_due: int
    overdue_balance: Money | None
    total_balance: Money | None
    components: Components | None
    allocation_order: list[Component]
    rescheduled_by: UUID | None
    oldest_due_on: date | None
    next_stage_on: date | None
    next_change_on: date | None
    episode: int
    debtor: DebtorView
    contact_points: list[ContactPoint]
    addresses: list[AddressView]
    parties: list[PartyView]
    conveniences: list[KeptConvenience]
    timezones: list[str]
    instalments: list[InstalmentView]
    payments: list[PaymentItem]
    clarifications: list[Clarification]
    pauses: list[PauseView]
    holds: list[Hold]
    placements: list[PlacementView]
    promises: list[PromiseView]


_OF_OTHERS = dict.fromkeys(("detail", "resolution_detail", "document", "proof_of_sending", "actor", "resolved_by"))
_SAID = dict.fromkeys(("reason", "stated_by", "actor"))


async def read(reader: Reader, contract_id: UUID, agency_id: UUID | None = None) -> ContractView:
    """Return the contract. Raises ``ContractUnknown``, also for an agency that does not have the contract."""
    row = await reader.fetchrow(queries.WHOLE, contract_id, agency_id)
    if row is None:
        raise ContractUnknown()
    pauses = [PauseView.model_validate(pause) for pause in row["pauses"]]
    clarifications = [Clarification.model_validate(one) for one in row["clarifications"]]
    promises = [PromiseView.model_validate(promise) for promise in row["promises"]]
    status = DebtorStatus(row["debtor"]["status"])
    people = [parties.shown(party, row["jurisdiction"], status) for party in row["parties"]]
    computed = {
        "parties": people,
        "pauses": pauses,
        "promises": promises,
        "clarifications": clarifications,
        "holds": _holds(row, people, clarifications, pauses, promises),
        "next_stage_on": _next_stage_on(row, pauses),
        "timezones": _timezones(row),
        "debtor": _marked(row["debtor"], row["jurisdiction"]),
        "instalments": [_split(one, row["allocation_order"]) for one in row["instalments"]],
    }
    stored = {name: row[name] for name in ContractView.model_fields if name not in computed}
    view = ContractView.model_validate(stored | computed)
    return view if agency_id is None else _for_agency(view, row)


def _split(instalment: dict[str, Any], order: Sequence[Component]) -> InstalmentView:
    amount, unpaid = Decimal(instalment["amount"]), Decimal(instalment["unpaid"])
    fields = {name: instalment[name] for name in ("number", "due_on", "amount", "unpaid")}
    if instalment["stated"] is None:
        return InstalmentView(**fields, components=None, unpaid_components=None)
    stated = {Component(name): Decimal(part) for name, part in instalment["stated"].items()}

    def parts(of: Decimal) -> Components:
        found = unpaid_components(stated, amount, of, order)
        return Components.model_validate(found | {"calculated_on": instalment["calculated_on"]})

    return InstalmentView(**fields, components=parts(amount), unpaid_components=parts(unpaid))


def _marked(debtor: dict[str, Any], jurisdiction: str) -> dict[str, Any]:
    kind, problem = (None, None) if debtor["tax_id"] is None else tax_id_mark(jurisdiction, debtor["tax_id"])
    return {**debtor, "tax_id_kind": kind, "tax_id_problem": problem}


def _for_agency(view: ContractView, row: Row) -> ContractView:
    """Leave out what the agency does not need for its kind of work, and what others have written."""
    known = dict.fromkeys(("tax_id", "tax_id_kind", "tax_id_problem", "actor"))
    hidden: dict[str, Any] = {
        "parties": [one.model_copy(update=known) for one in view.parties if one.contactable],
        "clarifications": [one.model_copy(update=_OF_OTHERS) for one in view.clarifications],
        "conveniences": [one.model_copy(update=_SAID) for one in view.conveniences],
    }
    if not row["shows_person"]:
        unnamed = dict.fromkeys(("tax_id", "tax_id_kind", "tax_id_problem"))
        hidden |= {"debtor": view.debtor.model_copy(update=unnamed), "addresses": []}
    if not row["shows_balance"]:
        amounts = {"promised": None, "paid": None}
        hidden |= {"overdue_balance": None, "total_balance": None, "instalments": [], "payments": []}
        hidden |= {"components": None}
        hidden |= {"promises": [promise.model_copy(update=amounts) for promise in view.promises]}
    return view.model_copy(update=hidden)


def _holds(
    row: Row,
    people: list[PartyView],
    clarifications: list[Clarification],
    pauses: list[PauseView],
    promises: list[PromiseView],
) -> list[Hold]:
    return holds_of(
        ContractState(row["state"]),
        DebtorStatus(row["debtor"]["status"]),
        [one.clarification_id for one in clarifications if not one.contact_may_resume],
        [(pause.starts_on, pause.ends_on) for pause in pauses],
        row["as_of"],
        any(point["kind"] == "phone" and point["usable"] for point in row["contact_points"])
        or any(
            point.kind == "phone" and point.usable for one in people if one.contactable for point in one.contact_points
        ),
        [promise.silent_until for promise in promises if promise.state is PromiseState.OPEN],
        undecided=row["undecided"],
        payment_silent_until=row["payment_silent_until"],
    )


def _timezones(row: Row) -> list[str]:
    code = row["jurisdiction"]
    addresses = [places_of_address(code, one["state"], one["postal_code"], one["city"]) for one in row["addresses"]]
    points = [point for point in row["contact_points"] if point["kind"] == "phone" and point["usable"]]
    phones = [places_of_phone(code, point["value"]) for point in points]
    return list(dict.fromkeys(place.timezone for places in (*addresses, *phones) for place in places))


def _next_stage_on(row: Row, pauses: list[PauseView]) -> date | None:
    if row["state"] != ContractState.OPEN:
        return None
    spans = [(pause.starts_on, pause.ends_on) for pause in pauses]
    starts = {stage: row[column] for stage, column in STARTS.items()}
    return next_stage_on(row["oldest_due_on"], spans, row["as_of"], starts)
