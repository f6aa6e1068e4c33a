"""People over HTTP: who is one person, and who may be."""

from uuid import UUID

from chassis import CurrentPrincipal, Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from chassis.audit import reads_in_bulk

from portfolio.people import candidates, convenience, erasing, people
from portfolio.people.candidates import Candidate
from portfolio.people.convenience import ConvenienceRemoval, Conveniences, NewConvenience
from portfolio.people.erasing import Erasability, Erasure, NewErasure
from portfolio.people.people import Person, PersonDecision

router = Router(prefix="/v1", tags=["people"])


@router.get("/people/candidates", dependencies=[reads("portfolio"), reads_in_bulk()])
async def list_candidates(
    connection: ReadConnection, query: PageQuery, creditor_id: UUID | None = None
) -> Page[Candidate]:
    """List customers with one tax id who are not linked by themselves, and why."""
    return await candidates.found(connection, query, creditor_id)


@router.get("/people/{person_id}", dependencies=[reads("portfolio")])
async def read_person(person_id: UUID, connection: ReadConnection) -> Person:
    """Read a person with all customers who are this person. Who is linked to nobody has the debtor's id."""
    return await people.read(connection, person_id)


@router.post("/people/{person_id}/links", status_code=201, dependencies=[writes("portfolio")])
async def link_customer(person_id: UUID, decision: PersonDecision, tx: WriteTransaction) -> Person:
    """Say that a contract's customer is this person. Death, representation and opt-outs then reach all contracts."""
    return await people.link(tx, person_id, decision)


@router.post("/people/{person_id}/unlinks", status_code=201, dependencies=[writes("portfolio")])
async def unlink_customer(person_id: UUID, decision: PersonDecision, tx: WriteTransaction) -> Person:
    """Say that a contract's customer is not this person. No later file links them again."""
    return await people.unlink(tx, person_id, decision)


@router.get("/people/{person_id}/convenience", dependencies=[reads("portfolio")])
async def read_convenience(person_id: UUID, connection: ReadConnection) -> Conveniences:
    """Read what a person calls inconvenient: hours, days, media and places."""
    return await convenience.read(connection, person_id)


@router.post("/people/{person_id}/convenience", status_code=201, dependencies=[writes("portfolio")])
async def add_convenience(person_id: UUID, new: NewConvenience, tx: WriteTransaction) -> Conveniences:
    """Say what a person calls inconvenient. It binds from now on, for every contract of the person."""
    return await convenience.add(tx, person_id, new)


@router.post(
    "/people/{person_id}/convenience/{convenience_id}/removal", status_code=201, dependencies=[writes("portfolio")]
)
async def remove_convenience(
    person_id: UUID, convenience_id: UUID, removal: ConvenienceRemoval, tx: WriteTransaction
) -> Conveniences:
    """End what a person called inconvenient, because they have said so or it was entered by mistake."""
    return await convenience.remove(tx, person_id, convenience_id, removal)


@router.get("/people/{person_id}/erasure", dependencies=[reads("portfolio")])
async def read_erasability(person_id: UUID, connection: ReadConnection) -> Erasability:
    """Read whether a person may be erased: no contract is open, and no law asks for the records."""
    return await erasing.read(connection, person_id)


@router.post("/people/{person_id}/erasure", status_code=201, dependencies=[writes("portfolio")])
async def erase_person(person_id: UUID, new: NewErasure, tx: WriteTransaction, who: CurrentPrincipal) -> Erasure:
    """Erase a person's data in all services. It cannot be taken back, and needs the role supervisor.

    Amounts and what happened stay. Opt-outs hold on: the phones and e-mails are kept as hashes.
    """
    return await erasing.erase(tx, who, person_id, new)


@router.get("/erasures", dependencies=[reads("portfolio")])
async def list_erasures(query: PageQuery, connection: ReadConnection) -> Page[Erasure]:
    """List the erasures in their order. Keep this list: after the restore of an older backup they are entered again."""
    return await erasing.listed(connection, query)
