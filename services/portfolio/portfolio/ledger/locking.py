"""Row locks in the order that the whole service keeps: portfolios, people, debtors, contracts, then their rows.

Portfolios are locked FOR SHARE. The business date cannot move before the transaction has ended, so a staging run that
starts afterwards sees the rows that the transaction wrote.
"""

from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from chassis import ContractUnknown
from projections.silence import days_paused
from recobro_events import Row, Transaction, sorted_unique
from recobro_events.contracts.portfolio import StageCause

from portfolio.ledger.positions import reposition
from portfolio.ledger.positions_queries import BANDS

# The bands are newer than the position, and time alone would not change the stage.
RESTAGED_BY_BANDS = """(contract.bands_id IS DISTINCT FROM portfolio.bands_id
    AND (coalesce(next_stage_on, next_change_on) <= business_date) IS NOT TRUE)"""
_CONTRACTS = f"""
SELECT contract.*, portfolio.business_date, portfolio.currency, portfolio.jurisdiction, portfolio.timezone,
    portfolio.payment_channels,
    greatest(0, coalesce(portfolio.business_date - oldest_due_on
        - {days_paused("contract.contract_id", "contract.oldest_due_on", "portfolio.business_date")}, 0)) AS days_today,
    contract.state = 'open' AND (next_change_on <= business_date OR {RESTAGED_BY_BANDS}) AS due_for_staging,
    {RESTAGED_BY_BANDS} AS restaged_by_bands
FROM portfolio JOIN contract USING (portfolio_id)
"""
_CONTRACT = f"{_CONTRACTS} WHERE contract_id = $1"
_THESE = f"{_CONTRACTS} WHERE contract_id = ANY($1::uuid[])"
# FOR clauses lock in the order in which they are written.
_LOCK_CONTRACT = f"{_CONTRACT} FOR SHARE OF portfolio FOR UPDATE OF contract"

# $1 contracts, $2 people: their ids, or those of their debtors. The debtors of both, with all others of their people.
_MEMBERS = """
WITH named AS MATERIALIZED (
    SELECT debtor_id, person_id FROM contract JOIN debtor USING (debtor_id) WHERE contract_id = ANY($1::uuid[])
    UNION ALL SELECT debtor_id, person_id FROM debtor WHERE debtor_id = ANY($2::uuid[])
    UNION ALL SELECT debtor_id, person_id FROM debtor WHERE person_id = ANY($2::uuid[])
)
SELECT debtor_id, person_id FROM named
UNION SELECT debtor_id, person_id FROM debtor WHERE person_id IN (SELECT person_id FROM named)
"""
_HELD = """
SELECT contract_id, portfolio_id FROM contract WHERE contract_id = ANY($1::uuid[]) OR debtor_id = ANY($2::uuid[])
"""
_LOCK_PORTFOLIOS = """
SELECT portfolio_id FROM portfolio WHERE portfolio_id = ANY($1::uuid[]) ORDER BY portfolio_id FOR SHARE
"""
_LOCK_PEOPLE = "SELECT person_id FROM person WHERE person_id = ANY($1::uuid[]) ORDER BY person_id FOR UPDATE"
_LOCK_DEBTORS = "SELECT debtor_id FROM debtor WHERE debtor_id = ANY($1::uuid[]) ORDER BY debtor_id FOR UPDATE"
_LOCK_CONTRACTS = "SELECT contract_id FROM contract WHERE contract_id = ANY($1::uuid[]) ORDER BY contract_id FOR UPDATE"


async def lock_contract(tx: Transaction, contract_id: UUID, *, staging_cause: StageCause = StageCause.DAILY_RUN) -> Row:
    """Lock a contract for a change. A contract that a running daily run has not reached yet is staged first.

    ``staging_cause`` is the cause of that staging. It is the run's own cause before a change that may restage the
    contract itself, and ``catch_up`` before a change that never does.

    Returns the contract with the ``business_date``, ``currency``, ``jurisdiction``, ``timezone`` and
    ``payment_channels`` of its portfolio, and its days past due on the business date as ``days_today``. Raises
    ``ContractUnknown``.
    """
    contract = await tx.fetchrow(_LOCK_CONTRACT, contract_id)
    if contract is not None and contract["due_for_staging"]:
        await reposition(tx, [contract_id], cause=BANDS if contract["restaged_by_bands"] else staging_cause)
        contract = await tx.fetchrow(_CONTRACT, contract_id)
    if contract is None:
        raise ContractUnknown()
    return contract


async def lock_for_changes(tx: Transaction, contract_ids: Collection[UUID]) -> Mapping[UUID, Row]:
    """Lock many contracts for changes as ``lock_contract`` locks one. Contracts that do not exist are left out."""
    locked = sorted_unique(await lock_contracts(tx, contract_ids))
    contracts = await contracts_held(tx, locked)
    if due := [row for row in contracts.values() if row["due_for_staging"]]:
        await stage_due(tx, due)
        contracts = await contracts_held(tx, locked)
    return contracts


async def stage_due(
    tx: Transaction, due: Collection[Row], day: date | None = None, *, cause: StageCause = StageCause.DAILY_RUN
) -> list[Row]:
    """Stage contracts that are due, which the transaction has locked: with ``cause``, or because bands are new.

    Each of ``due`` has ``contract_id`` and ``restaged_by_bands``. Returns what ``reposition`` returns.
    """
    moved: list[Row] = []
    for by_bands in (False, True):
        if ids := [row["contract_id"] for row in due if row["restaged_by_bands"] is by_bands]:
            moved += await reposition(tx, ids, day, cause=BANDS if by_bands else cause)
    return moved


async def contracts_held(tx: Transaction, contract_ids: Collection[UUID]) -> Mapping[UUID, Row]:
    """These contracts, which the transaction has locked, as they are now, with what ``lock_contract`` returns."""
    return {row["contract_id"]: row for row in await tx.fetch(_THESE, list(contract_ids))}


async def lock_contracts(
    tx: Transaction,
    contract_ids: Collection[UUID],
    with_debtors_of: Collection[UUID] = (),
    with_people: Collection[UUID] = (),
) -> set[UUID]:
    """Lock these contracts, and the people of ``with_debtors_of`` with all their debtors and contracts.

    ``with_people`` are ids of further people, or of debtors who stand for theirs. Returns the ids of the locked
    contracts. Contracts that do not exist are left out.
    """
    if not with_debtors_of and not with_people:
        return await _lock(tx, contract_ids, ())
    while True:
        members = await tx.fetch(_MEMBERS, list(with_debtors_of), list(with_people))
        try:
            async with tx.savepoint():
                locked = await _lock(tx, contract_ids, members)
                # Before the rows were locked, a file may have given a contract to another debtor, or debtors may have
                # been linked. Then the locks are let go, because further ones would break the order.
                if set(await tx.fetch(_MEMBERS, list(with_debtors_of), list(with_people))) != set(members):
                    raise _PeopleChanged
                return locked
        except _PeopleChanged:
            continue


class _PeopleChanged(Exception):
    """Other debtors than the locked ones are to be locked."""


async def _lock(tx: Transaction, contract_ids: Collection[UUID], members: Collection[Row]) -> set[UUID]:
    debtor_ids = sorted_unique(member["debtor_id"] for member in members)
    held = await tx.fetch(_HELD, list(contract_ids), debtor_ids)
    await tx.execute(_LOCK_PORTFOLIOS, sorted_unique(row["portfolio_id"] for row in held))
    if people := sorted_unique(member["person_id"] for member in members if member["person_id"] is not None):
        await tx.execute(_LOCK_PEOPLE, people)
    if debtor_ids:
        await tx.execute(_LOCK_DEBTORS, debtor_ids)
    wanted = await tx.fetch(_HELD, list(contract_ids), debtor_ids)
    locked = await tx.fetch(_LOCK_CONTRACTS, sorted_unique(row["contract_id"] for row in wanted))
    return {row["contract_id"] for row in locked}
