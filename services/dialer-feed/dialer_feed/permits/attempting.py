"""Attempts: a dialer reports a call when it begins, before the result. The result has the same id, in ``/v1/calls``."""

from typing import Annotated, Literal, Self
from uuid import UUID

from chassis import ContractUnknown, InputModel, Invalid, Moment, NotFound, OutputModel, Principal, ShortText
from chassis.transactions import act_for_service
from pydantic import Field, StrictBool, model_validator
from pydantic_core import PydanticCustomError
from recobro_events import Row, Transaction

from dialer_feed.calls import matching, rules
from dialer_feed.calls import queries as calls
from dialer_feed.lists import queries as lists
from dialer_feed.lists.reading import ListUnknown
from dialer_feed.permits import attempts_queries as queries
from dialer_feed.permits.asking import ContractAmbiguous

PermitState = Literal["valid", "expired", "used", "refused", "other_call", "unknown", "none"]


class NewAttempt(InputModel):
    """A call that begins. ``attempt_id`` is the dialer's own, and the ``call_id`` of the result.

    With ``permit_id`` the permit names list, contract and number. Without one the attempt names them, as a call does.
    """

    attempt_id: Annotated[ShortText, Field(max_length=64)]
    permit_id: UUID | None = None
    started_at: Moment
    list_id: UUID | None = None
    contract_number: ShortText | None = None
    contract_id: UUID | None = None
    phone: ShortText | None = None
    caller_id: Annotated[ShortText, Field(max_length=40)] | None = None
    agent: ShortText | None = None
    manual: StrictBool = False

    @model_validator(mode="after")
    def _names_a_permit_or_a_call(self) -> Self:
        named = (self.contract_number is not None) + (self.contract_id is not None)
        if named > 1 or (self.contract_number is not None and self.list_id is None):
            raise PydanticCustomError("contract", "must have either contract_id, or list_id and contract_number")
        if (named == 0 or self.phone is None) and self.permit_id is None:
            raise PydanticCustomError("permit", "must have permit_id, or the contract and its phone")
        return self


class Attempt(OutputModel):
    """A recorded attempt. ``status`` is ``known`` if it was recorded before. ``permit`` says whether its permit counts.

    ``valid``: the call began within the permit's life. Otherwise it had ``expired``, was ``used`` by another attempt,
    was a refusal (``refused``), was given for another list, contract or number (``other_call``), or is ``unknown``.
    """

    attempt_id: str
    contract_id: UUID
    list_id: UUID | None
    permit: PermitState
    status: Literal["recorded", "known"]


class PermitUnknown(NotFound):
    """There is no such permit, and the attempt does not name its contract otherwise."""

    code = "permit-unknown"
    detail = "There is no such permit. Without one, an attempt names its contract and its phone."


async def begin(tx: Transaction, new: NewAttempt, who: Principal) -> Attempt:
    """Record the attempt, once. A permit is used by the first attempt that began within its life."""
    if wrong := matching.wrong_start(new.started_at):
        raise Invalid(wrong[1], code=wrong[0])
    own = await tx.fetch(lists.OWN_LISTS, [new.list_id] if new.list_id else [], who.agency_id)
    if new.list_id is not None and not own:
        raise ListUnknown()
    await act_for_service(tx)
    permit = None
    if new.permit_id is not None:
        permit = await tx.fetchrow(queries.PERMIT, new.permit_id, who.agency_id, new.started_at)
    named = await _named(tx, new, who) if new.contract_id or new.contract_number else None
    if named is None and permit is None:
        raise PermitUnknown()
    state = _state(new, permit, named, own[0] if own else None)
    about = named or permit
    assert about is not None
    agency_id = permit["agency_id"] if permit else own[0]["agency_id"] if own else who.agency_id
    list_id = new.list_id or (permit["list_id"] if permit else None) or rules.NO_LIST
    columns = (
        agency_id or rules.DIALED_FROM_INSIDE,
        new.attempt_id,
        list_id,
        about["contract_id"],
        about["contact_id"],
        about["unknown_phone"],
        new.caller_id or (permit["caller_id"] if permit else None),
        new.agent,
        new.manual,
        new.started_at,
        new.permit_id,
        who.subject,
    )
    recorded = await _record(tx, columns, state)
    return Attempt(**dict(recorded[0]), status=recorded[1])


async def _record(
    tx: Transaction, columns: tuple[object, ...], state: PermitState
) -> tuple[Row, Literal["recorded", "known"]]:
    """Return the attempt as it is kept, and whether this has recorded it. Another attempt may have used the permit."""
    for attempted in dict.fromkeys((state, "used" if state == "valid" else state)):
        if (row := await tx.fetchrow(queries.BEGIN, *columns, attempted)) is not None:
            return row, "recorded"
        if (row := await tx.fetchrow(queries.ONE, *columns[:2])) is not None:
            return row, "known"
    raise AssertionError("an attempt is recorded, or known")


async def _named(tx: Transaction, new: NewAttempt, who: Principal) -> dict[str, object]:
    assert new.phone is not None
    named = ([0], [new.list_id], [new.contract_number], [new.contract_id])
    rows = await tx.fetch(calls.CONTRACTS, *named, who.agency_id)
    if not rows:
        raise ContractUnknown()
    found = await tx.fetch(calls.PHONES, [row["contract_id"] for row in rows])
    phones = {(row["contract_id"], row["value"]): row for row in found}
    contract = matching.of_phone(rows, new.phone, phones)
    if contract is None:
        raise ContractAmbiguous()
    number = matching.number_of(new.phone, contract, phones)
    contact_id, is_known = matching.contact_of(contract["contract_id"], number, phones)
    return {
        "contract_id": contract["contract_id"],
        "contact_id": contact_id,
        "unknown_phone": None if is_known else number,
    }


def _state(
    new: NewAttempt, permit: Row | None, named: dict[str, object] | None, dialing_list: Row | None
) -> PermitState:
    if new.permit_id is None:
        return "none"
    if permit is None:
        return "unknown"
    if permit["reason"] is not None:
        return "refused"
    if named is not None and any(named[name] != permit[name] for name in ("contract_id", "contact_id")):
        return "other_call"
    # A permit of a campaign holds for each of its lists.
    scope = "campaign_id" if permit["list_id"] is None else "list_id"
    if dialing_list is not None and dialing_list[scope] != permit[scope]:
        return "other_call"
    return "valid" if permit["is_in_time"] else "expired"
