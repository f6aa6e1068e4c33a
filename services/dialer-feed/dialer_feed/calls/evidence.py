"""The evidence of one call: the permit that was asked for, the attempt, the result, and where its recording is."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis import Conflict, NotFound, OutputModel, Principal, Reader
from recobro_events import Row

from dialer_feed.calls import queries
from dialer_feed.calls.reading import RecordedCall


class CallUnknown(NotFound):
    code = "call-unknown"
    detail = "There is no such call. Its result has not been reported, or its attempt was reported under another id."


class CallAmbiguous(Conflict):
    """Ids of calls are the dialers' own, so two agencies may have given the same."""

    code = "call-ambiguous"
    detail = "Several agencies have a call with this id. Give the agency_id too; zeros for calls from inside."


class CallPermit(OutputModel):
    """The answer that the dialer got before the call: a permit, or a refusal with its ``reason``.

    Only operators see the number of contacts that were known then, ``heard_at`` and ``asked_by``.
    """

    permit_id: UUID
    granted: bool
    reason: str | None
    asked_at: datetime
    expires_at: datetime | None
    callable_until: datetime | None
    caller_id: str | None
    attempts: int | None
    most_attempts: int | None
    heard_at: datetime | None
    asked_by: str | None


class CallAttempt(OutputModel):
    """The report that the call began. ``permit`` says whether the permit counts that it named."""

    attempt_id: str
    started_at: datetime
    reported_at: datetime
    ended_at: datetime | None
    permit: str
    caller_id: str | None


class CallRecording(OutputModel):
    """Where the dialer keeps the recording. ``announced``: the debtor was informed that the call is recorded."""

    uri: str
    sha256: str | None
    announced: bool


class Evidence(OutputModel):
    """All that is kept of one call. Null: it was made without a permit, an attempt or a recording.

    ``disposition_code`` is the agency's own code for how the call ended.
    """

    call: RecordedCall
    disposition_code: str | None
    permit: CallPermit | None
    attempt: CallAttempt | None
    recording: CallRecording | None


_OF_OPERATORS: Final = {"attempts": None, "most_attempts": None, "heard_at": None, "asked_by": None}


async def evidence(reader: Reader, call_id: str, agency_id: UUID | None, who: Principal) -> Evidence:
    """Return the evidence of the call. An agency finds its own calls alone, and does not read their numbers."""
    rows = await reader.fetch(queries.EVIDENCE, call_id, who.agency_id or agency_id)
    if not rows:
        raise CallUnknown()
    if len(rows) > 1:
        raise CallAmbiguous()
    row = dict(rows[0])
    if who.agency_id is not None:
        row |= {"phone": None, "silence": None, "contract_number": row["listed_number"]} | _OF_OPERATORS
    return Evidence(
        call=RecordedCall(**row),
        disposition_code=row["disposition_code"],
        permit=_permit(row),
        attempt=_attempt(row),
        recording=_recording(row),
    )


def _permit(row: dict[str, Any]) -> CallPermit | None:
    if row["named_permit_id"] is None:
        return None
    fields = row | {"permit_id": row["named_permit_id"], "granted": row["reason"] is None}
    return CallPermit(**fields)


def _attempt(row: dict[str, Any]) -> CallAttempt | None:
    if row["attempt_id"] is None:
        return None
    return CallAttempt(
        attempt_id=row["attempt_id"],
        started_at=row["attempt_started_at"],
        reported_at=row["attempt_reported_at"],
        ended_at=row["ended_at"],
        permit=row["permit_state"],
        caller_id=row["attempt_caller_id"],
    )


def _recording(row: Row | dict[str, Any]) -> CallRecording | None:
    if row["recording_uri"] is None:
        return None
    return CallRecording(uri=row["recording_uri"], sha256=row["recording_sha256"], announced=row["recording_announced"])
