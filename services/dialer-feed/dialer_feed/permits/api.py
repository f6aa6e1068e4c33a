"""HTTP routes by which dialers ask whether they may call, and operators read what was answered."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from chassis import (
    DIALING,
    CurrentPrincipal,
    Day,
    NoContact,
    OutputModel,
    Page,
    PageQuery,
    Problem,
    ReadConnection,
    Router,
    WriteTransaction,
    kept_refusal,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.problem_types import also_answers
from chassis.spoken import in_language_of
from fastapi import Body, Query, Request, Response

from dialer_feed.lists.reading import expect_list
from dialer_feed.permits import asking, attempting, reading
from dialer_feed.permits.asking import MOST_AT_ONCE, Permit, Question, Rules
from dialer_feed.permits.attempting import Attempt, NewAttempt
from dialer_feed.permits.reading import AttemptState, KeptAttempt, KeptPermit, PermitsOfList

router = Router(prefix="/v1", tags=["dialers"])


class Refused(OutputModel):
    """Why a question of a batch got no permit: the members of the problem that a single question would get.

    ``reason`` is null for a question that names an unknown list or contract, or several contracts.
    """

    status: int
    type: str
    detail: str
    reason: str | None


class Decision(OutputModel):
    """The answer to one question: a permit, or why there is none."""

    permit: Permit | None
    refused: Refused | None


class Decisions(OutputModel):
    """The answers, in the order of the questions."""

    items: list[Decision]


def _rules(request: Request) -> Rules:
    settings, runtime = request.app.state.settings, request.app.state.runtime
    return Rules(
        life=timedelta(seconds=settings.permit_seconds),
        most_age=timedelta(seconds=settings.permit_knowledge_seconds),
        is_stopped=runtime is not None and runtime.has_stopped,
    )


@router.post("/permits", dependencies=[writes("dialer-feed", agency=True), DIALING], response_model=Permit)
async def ask_for_permit(
    question: Question, request: Request, tx: WriteTransaction, who: CurrentPrincipal
) -> Permit | Response:
    """Ask whether one call may be made now. 200: it may, before ``expires_at``. 409: it may not; ``reason`` says why.

    Each answer is kept as evidence. A permit counts as an attempt until it expires or an attempt has used it.
    """
    [answer] = await asking.ask(tx, [question], who, _rules(request))
    if isinstance(answer, NoContact):
        return kept_refusal(request, answer)
    if isinstance(answer, Problem):
        raise answer
    return answer


@router.post("/permits/batch", dependencies=[writes("dialer-feed", agency=True), DIALING])
async def ask_for_permits(
    questions: Annotated[list[Question], Body(min_length=1, max_length=MOST_AT_ONCE)],
    request: Request,
    tx: WriteTransaction,
    who: CurrentPrincipal,
) -> Decisions:
    """Ask about up to 500 calls, one after the other: each permit counts for the questions after it."""
    answers = await asking.ask(tx, questions, who, _rules(request))
    return Decisions(items=[_decision(request, answer) for answer in answers])


def _decision(request: Request, answer: Permit | Problem) -> Decision:
    if isinstance(answer, Permit):
        return Decision(permit=answer, refused=None)
    document = in_language_of(request, answer).document()
    return Decision(
        permit=None,
        refused=Refused(
            status=answer.status,
            type=document["type"],
            detail=document["detail"],
            reason=document.get("reason"),
        ),
    )


@router.get("/permits", dependencies=[reads("dialer-feed"), reads_in_bulk()])
async def list_permits(
    query: PageQuery,
    reader: ReadConnection,
    list_id: UUID | None = None,
    contract_id: UUID | None = None,
    granted: bool | None = None,
    reason: Annotated[str | None, Query(max_length=50)] = None,
    first: Annotated[Day | None, Query(alias="from", description="The first day (UTC)")] = None,
    last: Annotated[Day | None, Query(alias="to", description="The last day (UTC), included")] = None,
) -> Page[KeptPermit]:
    """List permits and refusals in the order in which they were asked for, by default of the last 31 days."""
    return await reading.permits(reader, list_id, contract_id, granted, reason, first, last, query)


@router.get("/lists/{list_id}/permits", dependencies=[reads("dialer-feed", agency=True)])
async def count_permits_of_list(list_id: UUID, reader: ReadConnection, who: CurrentPrincipal) -> PermitsOfList:
    """Count the permits and refusals of a list, by reason, the attempts that wait, and the overtaken calls."""
    known = await expect_list(reader, list_id, who)
    return await reading.of_list(reader, list_id, known["business_date"])


@router.get("/permits/{permit_id}", dependencies=[reads("dialer-feed")])
async def read_permit(permit_id: UUID, reader: ReadConnection) -> KeptPermit:
    """Read a permit or a refusal, with what was known when it was decided."""
    return await reading.permit(reader, permit_id)


@router.post("/attempts", status_code=201, dependencies=[writes("dialer-feed", agency=True), DIALING])
@also_answers(422, "starts-in-the-future", "too-old")
async def begin_attempt(new: NewAttempt, tx: WriteTransaction, who: CurrentPrincipal) -> Attempt:
    """Report that a call begins. Its result comes later, by `POST /v1/calls` with the same id as ``call_id``.

    The attempt counts towards call frequency at once. It uses up its permit. One that is reported again counts once.
    """
    return await attempting.begin(tx, new, who)


@router.get("/attempts", dependencies=[reads("dialer-feed", agency=True), reads_in_bulk()])
async def list_attempts(
    query: PageQuery,
    reader: ReadConnection,
    who: CurrentPrincipal,
    state: AttemptState | None = None,
    list_id: UUID | None = None,
    contract_id: UUID | None = None,
    agency_id: UUID | None = None,
) -> Page[KeptAttempt]:
    """List attempts by their start: those that wait for a result, are overdue after 4 hours, or have ended."""
    return await reading.attempts(reader, state, list_id, contract_id, agency_id, query, who.agency_id)
