"""Notices that were sent to a debtor are recorded as facts, each with a proof. They open the graver steps."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import (
    Conflict,
    ContractUnknown,
    Day,
    FieldError,
    InputModel,
    Invalid,
    OutputModel,
    Reader,
    ShortText,
    Text,
    Written,
)
from pydantic import model_validator
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import (
    ApproachStep,
    ContractEscalated,
    ContractState,
    NoticeRecorded,
    StageCause,
    StepCause,
)

from portfolio.ladder import keeping, queries
from portfolio.ladder.rules import STEP_OF_NOTICE, STEPS, NoticeKind, is_backward, notices_before
from portfolio.ledger.actors import ActorOfChange
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.history import record as record_lines
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.marking import mark

NOTICES_OF_CONTRACT = 500
Sha256 = Annotated[str, Written("[0-9a-f]{64}", "must be a SHA-256 of 64 small hexadecimal digits")]


class Proof(InputModel):
    """What proves the sending: the number of a registered letter, the SHA-256 of the receipt's file, or both."""

    registered_number: ShortText | None = None
    receipt_sha256: Sha256 | None = None

    @model_validator(mode="after")
    def _proves(self) -> Self:
        if self.registered_number is None and self.receipt_sha256 is None:
            raise ValueError("must have registered_number, receipt_sha256 or both")
        return self


class NewNotice(InputModel):
    """A notice that was sent on ``sent_on``. ``document`` says where the notice and its receipt are kept.

    A notice that is entered again after a restore states the ``notice_id`` that it had.
    """

    kind: NoticeKind
    channel: ShortText
    sent_on: Day
    proof: Proof
    document: Text | None = None
    notice_id: UUID | None = None


class Notice(OutputModel):
    """``receipt_type`` and ``receipt_bytes`` are null until the receipt's file is stored."""

    notice_id: UUID
    contract_id: UUID
    episode: int
    kind: NoticeKind
    channel: str
    sent_on: date
    registered_number: str | None
    receipt_sha256: str | None
    receipt_type: str | None
    receipt_bytes: int | None
    document: str | None
    recorded_at: datetime
    recorded_by: ActorOfChange


class NotBehind(Conflict):
    code = "not-behind"
    detail = "Nothing of the contract is overdue, so no notice belongs to it."


class StepBackward(Conflict):
    code = "step-backward"
    detail = "The contract stands at a graver step of this episode. A contract never goes back on the ladder."


class NoticeMissing(Conflict):
    code = "notice-missing"
    detail = "A notice that has to be sent before this one is not recorded in this episode."


class NoticeKnown(Conflict):
    code = "notice-known"
    detail = "There is a notice with this id already."


class TooManyNotices(Conflict):
    code = "too-many-notices"
    detail = f"The contract has {NOTICES_OF_CONTRACT} notices. No more can be recorded."


async def add(tx: Transaction, contract_id: UUID, new: NewNotice) -> Notice:
    """Record a notice and publish it. The contract is then at least at the step of the notice.

    Raises ``ContractUnknown``, ``NoticeKnown``, ``NotBehind``, ``StepBackward``, ``NoticeMissing``,
    ``TooManyNotices``, and ``Invalid`` for a day in the future.
    """
    contract = await lock_contract(tx, contract_id, staging_cause=StageCause.CATCH_UP)
    if new.notice_id is not None and await tx.fetchrow(queries.NOTICE, new.notice_id):
        raise NoticeKnown(extra={"notice_id": new.notice_id})
    if contract["state"] != ContractState.OPEN or contract["overdue_balance"] == 0:
        raise NotBehind()
    latest = max(contract["business_date"], datetime.now(ZoneInfo(contract["timezone"])).date())
    if new.sent_on > latest:
        mistake = FieldError("/sent_on", f"must not be later than {latest}")
        raise Invalid("The notice cannot have been sent in the future.", errors=[mistake])
    reached = await tx.fetchval(queries.REACHED, contract_id)
    step = None if reached is None else ApproachStep(reached)
    await _check(tx, contract, new, step)
    proof = new.proof
    notice_id = await tx.fetchval(
        queries.ADD_NOTICE,
        *(contract_id, contract["episode"], new.kind, new.channel, new.sent_on),
        *(proof.registered_number, proof.receipt_sha256, new.document, new.notice_id),
    )
    tx.publish(
        NoticeRecorded(
            **new.model_dump(include={"kind", "channel", "sent_on", "document"}),
            **proof.model_dump(),
            contract_id=contract_id,
            notice_id=notice_id,
            episode=contract["episode"],
        )
    )
    data = {"notice_id": notice_id, "kind": new.kind, "channel": new.channel, "sent_on": new.sent_on}
    line = Line(contract_id, "notice_recorded", f"{new.kind} sent on {new.sent_on} by {new.channel}", data)
    await record_lines(tx, [line])
    await _reach(tx, contract, new.kind, step)
    row = await tx.fetchrow(queries.NOTICE, notice_id)
    assert row is not None
    return Notice.model_validate(dict(row))


async def listed(reader: Reader, contract_id: UUID) -> list[Notice]:
    """Return the notices of a contract, the oldest first. Raises ``ContractUnknown``."""
    if await reader.fetchrow(queries.CONTRACT, contract_id) is None:
        raise ContractUnknown()
    return [Notice.model_validate(dict(row)) for row in await reader.fetch(queries.NOTICES, contract_id)]


async def _check(tx: Transaction, contract: Row, new: NewNotice, step: ApproachStep | None) -> None:
    if await tx.fetchval(queries.COUNT_NOTICES, contract["contract_id"]) >= NOTICES_OF_CONTRACT:
        raise TooManyNotices()
    if is_backward(new.kind, step):
        raise StepBackward(f"{StepBackward.detail} It stands at {step}.", extra={"step": step})
    target = STEP_OF_NOTICE.get(new.kind)
    needed = () if target is None else notices_before(target, contract["jurisdiction"])
    rows = await tx.fetch(queries.SENT, contract["contract_id"], contract["episode"])
    sent = {row["kind"] for row in rows if row["sent_on"] <= new.sent_on}
    if missing := [kind for kind in needed if kind not in sent]:
        named = ", ".join(missing)
        raise NoticeMissing(f"{NoticeMissing.detail[:-1]}: {named}.", extra={"missing": missing})


async def _reach(tx: Transaction, contract: Row, kind: NoticeKind, reached: ApproachStep | None) -> None:
    """Bring the contract to the step of the notice, if it stands at a gentler one."""
    contract_id, step = contract["contract_id"], STEP_OF_NOTICE.get(kind)
    if step is None or (reached is not None and STEPS.index(reached) >= STEPS.index(step)):
        # The next step may be open now.
        await mark(tx, [contract_id])
        return
    held = await keeping.current(tx, contract["portfolio_id"])
    version, ladder = held.version, keeping.as_json(held, held.version, contract["jurisdiction"])
    await tx.execute(queries.REACH, contract_id, contract["episode"], step, contract["business_date"], version)
    allows = await tx.fetchval(queries.SET_STEP, contract_id, ladder, step)
    data = {"from_step": reached, "to_step": step, "cause": StepCause.NOTICE, "episode": contract["episode"]}
    await record(
        tx,
        StageCause.CATCH_UP,
        lambda fields: ContractEscalated(
            **fields, from_step=reached, to_step=step, cause=StepCause.NOTICE, ladder_version=version, allows=allows
        ),
        Line(contract_id, "escalated", f"from {reached or '-'} to {step} (notice)", data),
    )
