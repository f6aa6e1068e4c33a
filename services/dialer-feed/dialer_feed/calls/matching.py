"""Finding the contract and the number of each call that a dialer reports, as the dialer names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Self
from uuid import UUID, uuid5

from chassis import InputModel, Moment, ShortText, Written
from chassis.inconvenient import Inconvenient
from jurisdictions import UnknownJurisdiction, dialable_phone
from pydantic import Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError
from recobro_events import Row, Transaction
from recobro_events.contracts.dialer_feed import CallDirection, Disposition
from typing_extensions import TypedDict

from dialer_feed.calls import hours, queries, rules
from dialer_feed.campaigns.rules import Kind, Permits
from dialer_feed.projection.contracts import read_places

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far the clock of a dialer may be ahead of ours."""
OLDEST_DAYS = 30
"""A call that started longer ago than this is rejected."""
LONGEST_SECONDS = 86_400


class Recording(InputModel):
    """Where the recording of a call is, without a password in it. Nobody here reads or keeps its bytes.

    ``sha256`` is the hash of its bytes. ``announced``: the debtor was informed that the call is recorded.
    """

    uri: Annotated[
        str,
        Written(
            r"[a-z][a-z0-9+.-]{1,20}://[^\s@]{1,480}", "must be an address such as s3://recordings/2026/11/0001.wav"
        ),
    ]
    sha256: Annotated[str, Written("[0-9a-f]{64}", "must be 64 hexadecimal digits")] | None = None
    announced: StrictBool


class Call(InputModel):
    """One call as its dialer reports it. ``call_id`` is the dialer's own; a call that is reported again counts once.

    The contract is named by ``list_id`` and ``contract_number``, or by ``contract_id``. Without ``list_id`` the call
    belongs to no list. ``manual``: a person chose and dialled the number, as on every list of a manual campaign.
    ``permit_id`` is the permit by which the call was made, if its attempt was not reported before. ``inconvenient`` is
    what the debtor has said on the call about hours, days, media and places. ``recording`` says where it is kept.
    ``disposition_code`` is the agency's own code for how the call ended; it decides where ``disposition`` is not given.
    """

    call_id: ShortText = Field(max_length=64)
    list_id: UUID | None = None
    contract_number: ShortText | None = None
    contract_id: UUID | None = None
    phone: ShortText
    agent: ShortText
    started_at: Moment
    duration_seconds: Annotated[StrictInt, Field(ge=0, le=LONGEST_SECONDS)]
    disposition: Disposition | None = None
    disposition_code: Annotated[ShortText, Field(max_length=64)] | None = None
    direction: CallDirection = CallDirection.OUTBOUND
    manual: StrictBool = False
    permit_id: UUID | None = None
    inconvenient: Inconvenient | None = None
    recording: Recording | None = None

    @model_validator(mode="after")
    def _names_one_contract(self) -> Self:
        by_number = self.contract_number is not None
        if by_number == (self.contract_id is not None) or (by_number and self.list_id is None):
            raise PydanticCustomError("contract", "must have either contract_id, or list_id and contract_number")
        if self.disposition is None and self.disposition_code is None:
            raise PydanticCustomError("disposition", "must have disposition, or disposition_code")
        return self


Meanings = Mapping[tuple[UUID, str], Disposition]
"""What the codes of dialers mean, by dialer and code."""


class Rejected(TypedDict):
    """A call that was not recorded, and why."""

    call_id: str
    code: str
    detail: str


@dataclass(frozen=True)
class MatchedCall:
    """A call with the contract and the number that it belongs to, how it ended, and what it breaks by itself.

    ``is_explained`` is false if nobody has said what its code means. It then counts like a call without an answer.
    """

    call: Call
    agency_id: UUID | None
    contract_id: UUID
    contact_id: UUID
    number: str
    knows_number: bool
    disposition: Disposition
    is_explained: bool
    unlisted: bool
    attempt: bool
    outside_hours: bool
    needs_permit: bool
    inconvenient: bool
    manual: bool

    @property
    def dialed_for(self) -> UUID:
        return self.agency_id or rules.DIALED_FROM_INSIDE

    @property
    def key(self) -> tuple[UUID, str]:
        return self.dialed_for, self.call.call_id

    @property
    def list_id(self) -> UUID:
        return self.call.list_id or rules.NO_LIST


async def match(
    tx: Transaction,
    calls: Sequence[Call],
    own_lists: Mapping[UUID, Row],
    agency_id: UUID | None,
    meanings: Meanings,
) -> tuple[list[MatchedCall], list[Rejected]]:
    """Find the contract and the number of each call. Return the calls that can be recorded, and the rejected calls."""
    named = [(n, call.list_id, call.contract_number, call.contract_id) for n, call in enumerate(calls)]
    rows = await tx.fetch(queries.CONTRACTS, *zip(*named, strict=True), agency_id)
    contracts: dict[int, list[Row]] = {}
    for row in rows:
        contracts.setdefault(row["n"], []).append(row)
    found = await tx.fetch(queries.PHONES, list({row["contract_id"] for row in rows}))
    phones = {(row["contract_id"], row["value"]): row for row in found}
    matched: list[MatchedCall] = []
    rejected: list[Rejected] = []
    for n, call in enumerate(calls):
        if call.list_id is not None and call.list_id not in own_lists:
            rejected.append(_rejected(call, "list-unknown", "There is no such list."))
        elif wrong := wrong_start(call.started_at):
            rejected.append(_rejected(call, *wrong))
        elif not (candidates := contracts.get(n)):
            rejected.append(_rejected(call, "contract-unknown", "There is no such contract."))
        elif (contract := of_phone(candidates, call.phone, phones)) is None:
            detail = "Several contracts have this number, and none of them this phone. Name the contract by its id."
            rejected.append(_rejected(call, "contract-ambiguous", detail))
        else:
            known_list = own_lists[call.list_id] if call.list_id is not None else None
            matched.append(_matched(call, contract, known_list, phones, agency_id, meanings))
    return matched, rejected


def wrong_start(started_at: datetime) -> tuple[str, str] | None:
    """Return why no call that is reported now can have started then, as a code and a sentence; None when it can."""
    now = datetime.now(UTC)
    if started_at > now + CLOCK_TOLERANCE:
        return "starts-in-the-future", "The call starts more than 5 minutes ahead of our clock."
    if started_at < now - timedelta(days=OLDEST_DAYS):
        return "too-old", f"The call started more than {OLDEST_DAYS} days ago."
    return None


def _rejected(call: Call, code: str, detail: str) -> Rejected:
    return Rejected(call_id=call.call_id, code=code, detail=detail)


_Phones = Mapping[tuple[UUID, str], Row]


def of_phone(candidates: Sequence[Row], phone: str, phones: _Phones) -> Row | None:
    """Return the contract that was called: one with this phone, else the only one, on the list if it is there."""
    listed = [row for row in candidates if row["listed"]]
    for rows in (listed, candidates):
        if having := [row for row in rows if (row["contract_id"], number_of(phone, row, phones)) in phones]:
            return having[0]
    only = listed or candidates
    return only[0] if len(only) == 1 else None


def number_of(phone: str, contract: Row, phones: _Phones = MappingProxyType({})) -> str:
    """Return the number in E.164, or as it was given where it is none."""
    # Dialers mostly give a number as the list writes it, and to parse one takes longer than everything else here.
    if (contract["contract_id"], phone) in phones:
        return phone
    try:
        return dialable_phone(phone, contract["jurisdiction"]) or phone
    except UnknownJurisdiction:
        return phone


def contact_of(contract_id: UUID, number: str, phones: _Phones) -> tuple[UUID, bool]:
    """Return the id of this number of the contract, and whether the contract has it.

    For a number that it does not have, this is the id that the portfolio would give to it.
    """
    point = phones.get((contract_id, number))
    return (point["contact_id"], True) if point else (uuid5(contract_id, f"phone:{number}"), False)


def _matched(
    call: Call,
    contract: Row,
    known_list: Row | None,
    phones: _Phones,
    agency_id: UUID | None,
    meanings: Meanings,
) -> MatchedCall:
    number = number_of(call.phone, contract, phones)
    contact_id, knows_number = contact_of(contract["contract_id"], number, phones)
    outbound = call.direction is CallDirection.OUTBOUND
    dialled = number if number.startswith("+") else None
    dialed_for: UUID | None = known_list["agency_id"] if known_list else agency_id
    key = (dialed_for or rules.DIALED_FROM_INSIDE, call.disposition_code or "")
    meant = call.disposition or meanings.get(key)
    disposition = meant or rules.UNEXPLAINED
    return MatchedCall(
        call,
        dialed_for,
        contract["contract_id"],
        contact_id,
        number,
        knows_number=knows_number,
        disposition=disposition,
        is_explained=meant is not None,
        unlisted=not (contract["listed"] and known_list and _was_live(known_list, call.started_at)),
        attempt=outbound and rules.counts_as_attempt(disposition, contract["jurisdiction"], _states(contract)),
        outside_hours=outbound and hours.is_outside(contract, dialled, call.started_at),
        needs_permit=outbound and known_list is not None and known_list["permits"] == Permits.REQUIRED,
        inconvenient=outbound and hours.is_inconvenient(contract, dialled, call.started_at),
        manual=call.manual or (outbound and known_list is not None and known_list["kind"] == Kind.MANUAL),
    )


def _states(contract: Row) -> set[str]:
    """Return the states where the contract's addresses may be, as far as they are known."""
    named = {place.region for place in read_places(contract["places"] or "")} | {contract["region"]}
    return {state for state in named if state}


def _was_live(known_list: Row, started_at: datetime) -> bool:
    over = known_list["live_until"]
    return bool(known_list["published_at"] - CLOCK_TOLERANCE <= started_at and (over is None or started_at < over))
