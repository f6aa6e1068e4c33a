"""Compares what a file states with what is known, before the file's amounts replace what is stored.

A file may not know the latest payments yet, and may know payments that nobody else has reported. So the amounts that it
states are compared with what it would state if it knew every payment up to its day. ``docs/services/portfolio.md`` says
the rules.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractRevised

from portfolio.files import comparing_queries as queries
from portfolio.files import landing_queries
from portfolio.files import queries as file_queries
from portfolio.files.finding_kinds import FindingKind
from portfolio.files.work import Work
from portfolio.ledger import history
from portfolio.ledger.fact_identities import payment_id_of
from portfolio.ledger.history import Line
from portfolio.ledger.limits import PAYMENTS
from portfolio.ledger.whole import publish_whole
from portfolio.portfolios.portfolios import FILE_CHANNEL

FEWER_INSTALMENTS = "fewer_instalments"
LEAVES = {"deceased": "leaves_deceased", "represented": "leaves_represented"}
_WHY = {
    FEWER_INSTALMENTS: "no longer states instalments that are unpaid",
    LEAVES["deceased"]: "gives the contract of a deceased debtor to another customer",
    LEAVES["represented"]: "gives the contract of a represented debtor to another customer",
}
"""Why a contract is set aside."""


@dataclass(frozen=True)
class Comparison:
    """What was found about the contracts of a chunk that are known already.

    ``applied`` holds the contracts whose rows replace what is stored, ``set_aside`` those that wait for a decision.
    ``kept`` holds the payments that stay on top of the file's amounts. ``file_payments`` are those that the file
    states. ``unposted`` are absorbed, but the file's amounts do not have them, so that their reversals raise nothing.
    ``taken_back`` are in its amounts and were reversed after its day: they are owed again. ``split`` are contracts of
    which the parts of amounts are known, ``charged`` those that have charges, ``paid`` those that have money which the
    file may know. Ids of charges stand among those of payments.
    """

    applied: Sequence[UUID] = ()
    set_aside: Sequence[UUID] = ()
    kept: Sequence[UUID] = ()
    file_payments: Sequence[UUID] = ()
    unposted: Sequence[UUID] = ()
    taken_back: Sequence[UUID] = ()
    split: Sequence[UUID] = ()
    charged: Sequence[UUID] = ()
    paid: Sequence[UUID] = ()


async def compare(
    tx: Transaction, work: Work, contract_ids: Collection[UUID], day: date, *, accepted: bool
) -> Comparison:
    """Compare these contracts, whose rows are locked, and store what the file says otherwise.

    ``accepted``: a person has decided that the file's rows are all that these contracts owe.
    """
    if not contract_ids:
        return Comparison()
    settings = await tx.fetchrow(queries.SETTINGS, work.file_id)
    assert settings is not None
    lag_days = settings["posting_lag_days"]
    judged = await tx.fetch(
        queries.JUDGE,
        *(work.file_id, list(contract_ids), work.as_of),
        *(lag_days, accepted or settings["rows_are_whole"]),
    )
    fewer = [row for row in judged if row["verdict"] == "fewer"]
    refused = await keep_refused(tx, work, fewer)
    set_aside = [row["contract_id"] for row in fewer if row["contract_id"] not in refused]
    applied = [row["contract_id"] for row in judged if row["verdict"] != "fewer"]
    less = [row for row in judged if row["verdict"] == "less" and row["state"] != "withdrawn"]
    entered: Sequence[Row] = []
    if less and settings["reductions_are_payments"] and not accepted:
        entered = await _enter_payments(tx, work, less, day, settings["sha256"][:12])
    await _list(tx, work, judged, entered, refused)
    decided = [row["contract_id"] for row in judged if row["decided"] and row["verdict"] != "fewer"]
    if decided:
        await tx.execute(queries.LIST_DECISIONS, work.file_id, decided, work.as_of)
        await tx.execute(queries.APPLY_DECISIONS, work.file_id, decided, work.as_of)
    await _trim_paid(tx, work, judged)
    silenced = [payment_id for row in judged if row["verdict"] != "fewer" for payment_id in row["silenced"]]
    if silenced:
        await tx.execute(queries.SILENCE, silenced, lag_days)
    await forget_set_aside(tx, [row for row in judged if row["undecided_by"] != work.file_id])
    await set_contracts_aside(tx, work, set_aside, FEWER_INSTALMENTS)
    return Comparison(
        applied,
        set_aside,
        [payment_id for row in judged for payment_id in row["kept"]],
        [row["payment_id"] for row in entered],
        [payment_id for row in judged if row["verdict"] != "fewer" for payment_id in row["unposted"]],
        [payment_id for row in judged if row["verdict"] != "fewer" for payment_id in row["taken_back"]],
        [row["contract_id"] for row in judged if row["has_components"] and row["verdict"] != "fewer"],
        [row["contract_id"] for row in judged if row["has_charges"] and row["verdict"] != "fewer"],
        [row["contract_id"] for row in judged if row["payments"] and row["verdict"] != "fewer"],
    )


async def _trim_paid(tx: Transaction, work: Work, judged: Sequence[Row]) -> None:
    """A reversal puts back only what the file's figure can have taken off."""
    if differing := [row for row in judged if row["verdict"] == "differs" and row["payments"]]:
        await tx.execute(
            queries.TRIM_PAID,
            [row["contract_id"] for row in differing],
            work.as_of,
            [row["excess"] for row in differing],
        )


async def _enter_payments(tx: Transaction, work: Work, less: Sequence[Row], day: date, sha256: str) -> Sequence[Row]:
    """Enter what the file states less as payments. A restore and the same file give the same payments again."""
    references = [f"{work.as_of}:{sha256}:{row['contract_number']}" for row in less]
    known = {row["reference"]: row for row in await tx.fetch(queries.BOOKINGS, work.portfolio_id, references)}
    bookings = [known[reference]["bookings"] + 1 for reference in references]
    ids = [
        payment_id_of(work.portfolio_id, FILE_CHANNEL, reference, booking)
        for reference, booking in zip(references, bookings, strict=True)
    ]
    entered = await tx.fetch(
        queries.ENTER_PAYMENTS,
        *(work.file_id, [row["contract_id"] for row in less], work.as_of, day),
        *([-row["excess"] for row in less], ids, references, bookings),
        *([known[reference]["is_live"] for reference in references], PAYMENTS),
    )
    await history.record(tx, [_line(work, row) for row in entered])
    return entered


def _line(work: Work, payment: Row) -> Line:
    data = {"payment_id": payment["payment_id"], "amount": payment["amount"], "file_id": work.file_id}
    return Line(payment["contract_id"], "payment_received", f"{payment['amount']} through {FILE_CHANNEL}", data)


async def _list(
    tx: Transaction, work: Work, judged: Sequence[Row], entered: Sequence[Row], refused: Collection[UUID]
) -> None:
    paid = {row["contract_id"]: f"{row['amount']} entered as a payment" for row in entered}
    found = [
        (kind, row["contract_id"], str(row["stated"]), str(row["expected"]), detail)
        for row in judged
        for kind, detail in _findings(row, paid.get(row["contract_id"]), refused)
    ]
    if found:
        await tx.execute(queries.LIST, work.file_id, *(list(column) for column in zip(*found, strict=True)))


def _findings(row: Row, paid: str | None, refused: Collection[UUID]) -> Iterator[tuple[FindingKind, str | None]]:
    if row["contract_id"] in refused:
        yield FindingKind.KEPT_DECISIONS, f"refused_{FEWER_INSTALMENTS}"
        return
    if row["verdict"] == "fewer":
        yield FindingKind.SET_ASIDE, FEWER_INSTALMENTS
        return
    if row["kept"]:
        yield FindingKind.IN_POSTING, row["kept_words"]
    if row["old_words"]:
        yield FindingKind.UNPOSTED, row["old_words"]
    if row["verdict"] == "differs":
        yield FindingKind.DIFFERS, f"{row['excess']} more than expected"
    if paid is not None:
        yield FindingKind.FILE_PAYMENTS, paid


async def set_contracts_aside(tx: Transaction, work: Work, contract_ids: Sequence[UUID], reason: str) -> None:
    """Nobody contacts the debtors of these contracts until a person has decided."""
    if not contract_ids:
        return
    rows = await tx.fetch(queries.SET_ASIDE, work.file_id, contract_ids)
    if new := [row["contract_id"] for row in rows if row["is_new"]]:
        await publish_whole(tx, new, ContractRevised)
    stated = {"file_id": work.file_id, "as_of": work.as_of, "reason": reason}
    summary = f"unchanged: a file {_WHY[reason]}, and a person has to decide"
    await history.record_each(tx, contract_ids, "set_aside", summary, stated)


async def keep_refused(tx: Transaction, work: Work, contracts: Sequence[Row]) -> set[UUID]:
    """Return those of these contracts of which the file repeats what a person has refused. They keep everything.

    The caller lists them, and deletes the waiting rows of those that another file has set aside since.
    """
    rows = (
        await tx.fetch(file_queries.REFUSED, work.file_id, [row["contract_id"] for row in contracts])
        if contracts
        else ()
    )
    refused = {row["contract_id"] for row in rows}
    if released := [row["contract_id"] for row in contracts if row["contract_id"] in refused and row["undecided_by"]]:
        await tx.execute(file_queries.DECIDED, released)
        await publish_whole(tx, released, ContractRevised)
    summary = "unchanged: a file repeats what a person has refused"
    data = {"file_id": work.file_id, "as_of": work.as_of}
    await history.record_each(tx, sorted(refused), "refusal_kept", summary, data)
    return refused


async def forget_set_aside(tx: Transaction, contracts: Collection[Row]) -> None:
    """Delete the rows that wait for a decision about these contracts. The caller then changes ``undecided_by``."""
    waiting: dict[UUID, list[UUID]] = {}
    for row in contracts:
        if row["undecided_by"] is not None:
            waiting.setdefault(row["undecided_by"], []).append(row["contract_id"])
    for file_id, contract_ids in waiting.items():
        for statement in landing_queries.DELETE_STAGED_OF:
            await tx.execute(statement, file_id, contract_ids)


async def repeats(tx: Transaction, work: Work) -> bool:
    """Whether a person must look at a file that repeats an earlier one.

    That is so for the same bytes, when a payment has arrived in between, and for the same figures in other bytes, when
    the rules would undo a payment.
    """
    if await tx.fetchval(queries.REPEATS_BYTES, work.file_id):
        return True
    if not await tx.fetchval(queries.REPEATS_FIGURES, work.file_id, work.portfolio_id):
        return False
    ids = [row["contract_id"] for row in await tx.fetch(queries.WITH_MONEY, work.file_id, work.as_of)]
    settings = await tx.fetchrow(queries.SETTINGS, work.file_id)
    assert settings is not None
    judged = await tx.fetch(
        queries.JUDGE, work.file_id, ids, work.as_of, settings["posting_lag_days"], settings["rows_are_whole"]
    )
    return any(row["verdict"] in ("differs", "unposted") for row in judged)
