"""HTTP routes of the documents that a debtor gets about an agreement."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from chassis import (
    Conflict,
    ContractUnknown,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Reader,
    Router,
    ServiceDatabase,
    WriteTransaction,
    reads,
    writes,
)
from documents.press import Document, Press
from documents.wording import Language
from fastapi import Query, Request
from fastapi.responses import Response
from recobro_events import Row

from portfolio.documents import letters, queries
from portfolio.documents.letters import LetterDelivery, LetterState, NoDebtLetter
from portfolio.documents.papers import agreement_of, no_debt_of, proposal_of
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.erased import refuse_erased

router = Router(prefix="/v1", tags=["contracts"])
_PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}
_Language = Annotated[
    Language | None, Query(description="Default: the debtor's language, else that of the jurisdiction")
]


class AgreementUnknown(NotFound):
    code = "agreement-unknown"
    detail = "There is no agreement with this id on this contract that was in force."


class ProposalUnknown(NotFound):
    code = "agreement-unknown"
    detail = "There is no proposal with this id on this contract."


class NothingToSign(Conflict):
    code = "nothing-to-sign"
    detail = "This proposal waits for no signature: it has ended, the debtor has accepted it, or nothing is to be paid."


class PrintedDocument(OutputModel):
    """A document that was printed. ``sha256`` is that of the PDF, so that a copy can be compared with it."""

    document_id: UUID
    kind: Literal["agreement", "no_debt", "proposal"]
    agreement_id: UUID | None
    language: Language
    sha256: str
    printed_at: datetime
    printed_by: ActorOfChange


@router.get(
    "/contracts/{contract_id}/agreements/{agreement_id}/agreement.pdf",
    dependencies=[reads("portfolio")],
    response_class=Response,
    responses=_PDF,
)
async def print_agreement(
    contract_id: UUID, agreement_id: UUID, request: Request, database: ServiceDatabase, language: _Language = None
) -> Response:
    """Return the agreement as it came into force: the parties, what was owed in its parts, the discount, whether it
    settles in full, the schedule, where to pay, and the places to sign.

    409 `letter-incomplete` when the creditor has not stated where to pay.
    """
    async with database.connection() as connection:
        contract = await _to_print(connection, contract_id)
        agreement = await connection.fetchrow(queries.AGREEMENT, contract_id, agreement_id)
    if agreement is None:
        raise AgreementUnknown()
    document = agreement_of(contract, agreement, language)
    return await _print(request, database, document, contract_id, "agreement", agreement_id)


@router.get(
    "/contracts/{contract_id}/agreements/{agreement_id}/proposal.pdf",
    dependencies=[reads("portfolio")],
    response_class=Response,
    responses=_PDF,
)
async def print_proposal(
    contract_id: UUID, agreement_id: UUID, request: Request, database: ServiceDatabase, language: _Language = None
) -> Response:
    """Return a proposal to be signed, which says that it is none in force: its terms as in the agreement, until when
    it holds, whether a second person has to approve it, and the hash of its terms.

    409 `nothing-to-sign` when it has ended, was accepted, or asks for no payment; 409 `letter-incomplete`.
    """
    async with database.connection() as connection:
        contract = await _to_print(connection, contract_id)
        proposal = await connection.fetchrow(queries.PROPOSAL, contract_id, agreement_id)
    if proposal is None:
        raise ProposalUnknown()
    if proposal["state"] not in ("proposed", "awaiting_acceptance") or not proposal["terms"]["schedule"]:
        raise NothingToSign()
    document = proposal_of(contract, proposal, language)
    return await _print(request, database, document, contract_id, "proposal", agreement_id)


@router.get(
    "/contracts/{contract_id}/no-debt.pdf",
    dependencies=[reads("portfolio")],
    response_class=Response,
    responses=_PDF,
)
async def print_letter_of_no_debt(
    contract_id: UUID, request: Request, database: ServiceDatabase, language: _Language = None
) -> Response:
    """Return the letter which states that the contract owes nothing. 409 `debt-open` while it is not settled."""
    async with database.connection() as connection:
        contract = await _to_print(connection, contract_id)
        waived = await connection.fetchrow(queries.WAIVED, contract_id)
    return await _print(request, database, no_debt_of(contract, waived, language), contract_id, "no_debt", None)


@router.get("/contracts/{contract_id}/documents", dependencies=[reads("portfolio")])
async def list_documents(contract_id: UUID, connection: ReadConnection) -> list[PrintedDocument]:
    """List the latest 100 documents that were printed for the contract, the newest first."""
    await _contract(connection, contract_id)
    return [PrintedDocument(**row) for row in await connection.fetch(queries.OF_CONTRACT, contract_id)]


@router.get("/no-debt-letters", dependencies=[reads("portfolio")])
async def list_no_debt_letters(
    connection: ReadConnection,
    query: PageQuery,
    state: LetterState | None = None,
    portfolio_id: UUID | None = None,
    contract_id: UUID | None = None,
    to_deliver: Annotated[
        bool | None, Query(description="true: those that are due or printed, and not delivered; false: all others")
    ] = None,
) -> Page[NoDebtLetter]:
    """List the letters of no debt that fulfilled agreements ask for, in the order of their agreements."""
    return await letters.listed(connection, query, state, portfolio_id, contract_id, to_deliver)


@router.get("/no-debt-letters/{agreement_id}", dependencies=[reads("portfolio")])
async def read_no_debt_letter(agreement_id: UUID, connection: ReadConnection) -> NoDebtLetter:
    """Read the letter of no debt for which an agreement asks."""
    return await letters.read(connection, agreement_id)


@router.post("/no-debt-letters/{agreement_id}/delivery", status_code=201, dependencies=[writes("portfolio")])
async def deliver_no_debt_letter(agreement_id: UUID, delivery: LetterDelivery, tx: WriteTransaction) -> NoDebtLetter:
    """Note that the debtor has got the letter. 409 `letter-not-printed`, `letter-ended`, `debt-open`."""
    return await letters.deliver(tx, agreement_id, delivery)


async def _contract(reader: Reader, contract_id: UUID) -> Row:
    contract: Row | None = await reader.fetchrow(queries.CONTRACT, contract_id)
    if contract is None:
        raise ContractUnknown()
    return contract


async def _to_print(reader: Reader, contract_id: UUID) -> Row:
    contract = await _contract(reader, contract_id)
    refuse_erased(contract)
    return contract


async def _print(
    request: Request, database: ServiceDatabase, document: Document, contract_id: UUID, kind: str, about: UUID | None
) -> Response:
    """Print the document and keep the PDF's hash. The same facts make the same PDF."""
    press: Press = request.app.state.press
    content = await press.print("paper", document)
    values = (contract_id, kind, about, document["language"], hashlib.sha256(content).digest())
    async with database.transaction() as tx:
        await tx.execute(queries.PRINTED, *values)
        if kind == "no_debt":
            await tx.execute(queries.LETTER_PRINTED, contract_id)
    headers = {"Content-Disposition": f'inline; filename="{kind.replace("_", "-")}-{contract_id}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)
