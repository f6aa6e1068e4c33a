"""Tables of a service that keeps facts of others, and the events that it gets."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from projections import (
    clarifications,
    contact_points,
    contracts,
    pauses,
    payments,
    placements,
    portfolios,
    promises,
    set_aside,
)
from projections.columns import Column
from recobro_events.contracts.portfolio import (
    ContractRegistered,
    ContractState,
    CreditorKind,
    Debtor,
    PaymentReceived,
    PaymentReversed,
    PortfolioState,
    PortfolioStateChanged,
    Stage,
)

CONTRACT = UUID(int=1)


PORTFOLIO = UUID(int=2)


DEBTOR = UUID(int=3)


PHONE = UUID(int=4)


PAUSE = UUID(int=5)


DISPUTE = UUID(int=6)


MONDAY = date(2026, 11, 23)


POSITIONS = contracts.Positions("as_of", "state", "stage", "overdue_balance", "oldest_due_on")


DETAILS = contracts.Details(
    *("portfolio_id", "debtor_id", "person_id", "contract_number"),
    upper_name=Column("text", lambda event: event.debtor.name.upper()),
)


WHOLES = contracts.Wholes(POSITIONS, DETAILS, figures=True, segments=True, steps=True)


PORTFOLIOS = portfolios.Portfolios("state", "business_date", "company", "payment_holdoff_days")


TABLES = f"""
CREATE TABLE portfolio (
    portfolio_id uuid PRIMARY KEY, version bigint NOT NULL, state text, business_date date, company text);
CREATE TABLE contract (
    contract_id uuid PRIMARY KEY, version bigint NOT NULL DEFAULT -1, as_of date, state text, stage text,
    overdue_balance numeric, oldest_due_on date, details_version bigint NOT NULL DEFAULT -1, portfolio_id uuid,
    debtor_id uuid, contract_number text, upper_name text, status_version bigint NOT NULL DEFAULT -1,
    status text NOT NULL DEFAULT 'active');
{clarifications.TABLE} {contact_points.TABLE} {contact_points.PARTIES} {contact_points.VERIFIED}
{pauses.TABLE} {placements.TABLE} {promises.TABLE} {set_aside.TABLE}
{payments.TABLE} {payments.SILENCES} {contracts.STATUS_SEEN} {contracts.PEOPLE}
{contracts.SEGMENTS} {contracts.STEPS}
"""


def position(version: int, **changes: object) -> dict[str, object]:
    return {
        "contract_id": CONTRACT,
        "version": version,
        "as_of": MONDAY,
        "state": ContractState.OPEN,
        "stage": Stage.EARLY,
        "days_past_due": 10,
        "overdue_balance": Decimal("100.00"),
        "total_balance": Decimal("900.00"),
        "oldest_due_on": date(2026, 11, 13),
    } | changes


def whole(version: int, **changes: object) -> ContractRegistered:
    return ContractRegistered.model_validate(
        position(version)
        | {
            "details_version": version,
            "creditor_id": uuid4(),
            "portfolio_id": PORTFOLIO,
            "contract_number": f"A-{version}",
            "incomplete": False,
            "jurisdiction": "MX",
            "currency": "MXN",
            "debtor": Debtor(debtor_id=DEBTOR, name="Ana", status_version=version),
            "episode": 1,
        }
        | changes
    )


def portfolio_state(version: int, day: date = MONDAY, **changes: object) -> PortfolioStateChanged:
    fields: dict[str, object] = {
        "portfolio_id": PORTFOLIO,
        "version": version,
        "state": PortfolioState.READY,
        "business_date": day,
        "name": "Autos",
        "creditor_id": uuid4(),
        "creditor_kind": CreditorKind.FINANCIAL,
        "jurisdiction": "MX",
        "timezone": "America/Mexico_City",
    }
    return PortfolioStateChanged.model_validate(fields | changes)


def reversal(version: int, of: PaymentReceived) -> PaymentReversed:
    fields = {"payment_id": of.payment_id, "amount": of.amount, "currency": "MXN", "reason": "bounced"}
    return PaymentReversed.model_validate(position(version) | fields)


def payment(version: int) -> PaymentReceived:
    return PaymentReceived.model_validate(
        position(version, overdue_balance=Decimal("0.00"), oldest_due_on=None)
        | {
            "payment_id": uuid4(),
            "amount": Decimal("100.00"),
            "currency": "MXN",
            "paid_on": MONDAY,
            "received_at": datetime(2026, 11, 23, 12, tzinfo=UTC),
            "channel": "bank",
            "credit": Decimal("0.00"),
            "settled": False,
            "days_past_due_before": 10,
        }
    )


def days_after(day: date, count: int) -> date:
    return day + timedelta(days=count)
