"""The segment of a contract, with the rule that fits and the facts that the rules were compared with."""

from datetime import date
from uuid import UUID

from chassis import ContractUnknown, OutputModel, Reader
from recobro_events import Money
from recobro_events.contracts.portfolio import DebtorStatus

from portfolio.segments import keeping, queries
from portfolio.segments.conditions import SegmentRule, Words


class SegmentFacts(OutputModel):
    """What the rules may ask, as of ``business_date``. Days since something are null where it never happened."""

    business_date: date
    debtor_status: DebtorStatus
    episodes: int
    instalments_behind: int
    days_past_due: int
    debt_age_days: int
    total_balance: Money
    overdue_balance: Money
    paid_instalments: int
    paid_late: int
    average_late_days: int
    paid_percent: int
    broken_promises: int
    days_since_payment: int | None
    days_since_contact: int | None


class SegmentOfContract(OutputModel):
    """``segment`` is what was published last, since ``since``. ``rule`` fits now; ``place`` counts rules from 1.

    For about a second after a change of the contract the two may differ. A closed contract keeps its segment.
    """

    contract_id: UUID
    segment: str | None
    words: Words | None
    since: date | None
    rules_version: int
    place: int | None
    rule: SegmentRule | None
    facts: SegmentFacts


async def read(reader: Reader, contract_id: UUID) -> SegmentOfContract:
    """Raises ``ContractUnknown``."""
    contract = await reader.fetchrow(queries.CONTRACT, contract_id)
    if contract is None:
        raise ContractUnknown()
    held = await keeping.current(reader, contract["portfolio_id"])
    row = await reader.fetchrow(queries.ONE, contract_id, keeping.as_json(held.rules))
    assert row is not None
    place = row["rule"]
    return SegmentOfContract(
        contract_id=contract_id,
        segment=contract["segment"],
        words=held.words.get(contract["segment"]),
        since=contract["segment_since"],
        rules_version=held.version,
        place=place,
        rule=None if place is None else held.rules[place - 1],
        facts=SegmentFacts.model_validate({name: row[name] for name in SegmentFacts.model_fields}),
    )
