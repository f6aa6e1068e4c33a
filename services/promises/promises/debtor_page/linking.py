"""Links to the debtor's page: making, reading and revoking them."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis import Conflict, ContractNotYetKnown, InputModel, NoContact, NotFound, OutputModel, Reader, Text, clock
from chassis.languages import Language
from projections import contracts
from recobro_events import Row, Transaction

from promises import metrics
from promises.debtor_page import digests, queries
from promises.debtor_page.rules import LINK_LIFE
from promises.taking import queries as contract_queries


class NewLink(InputModel):
    """``language`` is that of the page; without it the debtor's, else that of the debtor's country. The debtor may
    choose another one there."""

    language: Language | None = None


class Revocation(InputModel):
    reason: Text


class LinkState(StrEnum):
    """``unused``: nobody has opened it. ``open``: the debtor has the page. ``over``: the time is up. ``ended``: it was
    ended before, and ``ended_because`` says why."""

    UNUSED = "unused"
    OPEN = "open"
    OVER = "over"
    ENDED = "ended"


class Link(OutputModel):
    """A link. ``wrong_answers`` counts those of people who did not prove who they are.

    ``ended_because`` is ``wrong_answers``, ``replaced`` by a newer link, ``contract_closed``, ``deceased``,
    ``represented``, ``identity_unknown`` (the debtor was erased), ``debtor`` who wanted no such page, or the reason of
    a revocation.
    """

    link_id: UUID
    contract_id: UUID
    state: LinkState
    language: Language | None
    expires_at: datetime
    wrong_answers: int
    signed_in_at: datetime | None
    ended_at: datetime | None
    ended_because: str | None
    made_by: str | None
    created_at: datetime


class MadeLink(Link):
    """A new link. ``url`` is shown this once; only its digest is kept."""

    url: str


class Act(OutputModel):
    """What the debtor did on the page. ``result`` has the ids, amounts and days of the outcome."""

    kind: str
    result: dict[str, Any]
    at: datetime


class LinkWithActs(Link):
    acts: tuple[Act, ...]


class LinkUnknown(NotFound):
    code = "link-unknown"
    detail = "There is no link with this id."


class LinkEnded(Conflict):
    code = "link-not-alive"
    detail = "The link has ended already."


class IdentityUnknown(Conflict):
    code = "identity-unknown"
    detail = (
        "Neither a tax id nor a postal code of the debtor is known, so nobody could prove on the page who they are."
        " Correct the debtor's data first."
    )


class ContractClosed(NoContact):
    code = "contract-closed"
    detail = "The contract is closed, so its debtor gets no link."


class DebtorDeceased(NoContact):
    code = "deceased"
    detail = "The debtor is deceased, so nobody gets a link."


class DebtorRepresented(NoContact):
    code = "represented"
    detail = "The debtor has a representative and gets no link. Contact the representative instead."


async def make(tx: Transaction, contract_id: UUID, new: NewLink, page_url: str) -> MadeLink:
    """Make a link. It replaces the others of the contract, so the debtor has one at a time.

    ``ContractNotYetKnown``, ``ContractClosed``, ``DebtorDeceased``, ``DebtorRepresented``, ``IdentityUnknown``.
    """
    await refuse_unknown(tx, contract_id)
    await contracts.lock(tx, [contract_id])
    match await tx.fetchval(queries.DEATH, contract_id):
        case "contract_closed":
            raise ContractClosed()
        case "deceased":
            raise DebtorDeceased()
        case "represented":
            raise DebtorRepresented()
        case "identity_unknown":
            raise IdentityUnknown()
    now, token = clock.now(), digests.new_token()
    await tx.execute(queries.REPLACE, contract_id, now)
    row = await tx.fetchrow(queries.MAKE, contract_id, digests.of_token(token), new.language, now, now + LINK_LIFE)
    assert row is not None
    tx.after_commit(metrics.PAGE_LINKS.inc)
    return MadeLink(**_shown(row, now), url=f"{page_url}/p/{token}")


async def refuse_unknown(reader: Reader, contract_id: UUID) -> None:
    """``ContractNotYetKnown`` where the contract is not known here."""
    if not await reader.fetchval(contract_queries.IS_OPEN_TO, contract_id, None):
        raise ContractNotYetKnown()


async def revoke(tx: Transaction, link_id: UUID, revocation: Revocation) -> Link:
    """End a link, opened or not. ``LinkUnknown``, ``LinkEnded``."""
    known = await read(tx, link_id)
    await contracts.lock(tx, [known.contract_id])
    now = clock.now()
    row = await tx.fetchrow(queries.END, link_id, now, revocation.reason)
    if row is None:
        raise LinkEnded()
    return Link(**_shown(row, now))


async def end_dead(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """End the links of those of these contracts that have closed, or whose debtors nobody may ask any more."""
    await tx.execute(queries.END_DEAD, list(contract_ids), clock.now())


async def read(reader: Reader, link_id: UUID) -> LinkWithActs:
    """Return the link, and what the debtor did on its page. ``LinkUnknown``."""
    row = await reader.fetchrow(queries.LINK, link_id)
    if row is None:
        raise LinkUnknown()
    acts = tuple(Act(**dict(act)) for act in await reader.fetch(queries.ACTS, link_id))
    return LinkWithActs(**_shown(row, clock.now()), acts=acts)


def shown(row: Row) -> Link:
    return Link(**_shown(row, clock.now()))


def _shown(row: Row, now: datetime) -> dict[str, Any]:
    actor = row["actor"]
    return {
        **{name: row[name] for name in ("link_id", "contract_id", "language", "expires_at", "signed_in_at")},
        **{name: row[name] for name in ("ended_at", "ended_because", "created_at")},
        "state": _state(row, now),
        "wrong_answers": len(row["tried"]),
        "made_by": actor and actor["subject"],
    }


def _state(row: Row, now: datetime) -> LinkState:
    if row["ended_at"] is not None:
        return LinkState.ENDED
    if row["signed_in_at"] is None:
        return LinkState.UNUSED if now < row["expires_at"] else LinkState.OVER
    return LinkState.OPEN if now < row["session_until"] else LinkState.OVER
