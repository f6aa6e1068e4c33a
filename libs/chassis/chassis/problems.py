"""Errors that an API answers with, as RFC 9457 problem details.

Problem             any status; a domain error subclasses it and names its ``status`` and ``code``
├── Invalid         422, with a pointer into the input for each mistake
├── Forbidden       403
├── NotFound        404
│   └── ContractUnknown
│       └── ContractNotYetKnown
├── Conflict        409
│   ├── PersonErased
│   └── NoContact   nobody may contact the debtor, or not in this way
├── Unauthorised    401, with the challenge
└── Unavailable     503, with Retry-After: the same request may succeed later
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:recobro:problem:"
_RESERVED = frozenset({"type", "title", "status", "detail", "errors"})


@dataclass(frozen=True, slots=True)
class FieldError:
    """One mistake in the input.

    ``pointer`` is a JSON pointer (RFC 6901) into the body, such as ``/amount``. For input outside of the body it
    begins with ``/query``, ``/path`` or ``/header``.
    """

    pointer: str
    detail: str


class Problem(Exception):
    """An error answer. It may be raised anywhere below a route; one place renders it.

    A domain error subclasses it, or one of its subclasses, and sets ``status``, ``code`` and ``detail``. Arguments
    override these. ``extra`` adds members to the document. ``detail`` is for people and must not hold personal data
    of others.

    If ``may_be_lag`` is true, another service's event may remove the problem. The route then retries for two seconds.
    """

    status: int = 500
    code: str = "internal"
    detail: str = ""
    headers: Mapping[str, str] = MappingProxyType({})
    may_be_lag: bool = False

    def __init__(
        self,
        detail: str | None = None,
        *,
        status: int | None = None,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.status = self.status if status is None else status
        self.code = self.code if code is None else code
        self.detail = self.detail if detail is None else detail
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        if clash := _RESERVED & self.extra.keys():
            raise ValueError(f"members of every problem: {sorted(clash)}")
        super().__init__(f"{self.status} {self.code}")

    def document(self) -> dict[str, Any]:
        """The members of the problem document."""
        document: dict[str, Any] = {
            "type": TYPE_PREFIX + self.code,
            "title": self.code.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        return document | self.extra

    def response(self) -> JSONResponse:
        return ProblemResponse(self.document(), self.status, dict(self.headers))


class ProblemResponse(JSONResponse):
    """A problem document. Ids and amounts in ``extra`` are written as text."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, default=str).encode("utf-8", "replace")


class KeptRefusal(ProblemResponse):
    """A refusal that the service keeps: what the endpoint has written is committed, as with a success."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.document(), problem.status, dict(problem.headers))


class Invalid(Problem):
    """The input is understood and refused. Nothing was changed."""

    status = 422
    code = "invalid"


class Forbidden(Problem):
    """The token is valid but does not allow this."""

    status = 403
    code = "forbidden"
    detail = "Your token does not allow this."


class NotFound(Problem):
    """The object does not exist, or belongs to another agency."""

    status = 404
    code = "not-found"
    detail = "There is nothing with this id here."


class ContractUnknown(NotFound):
    """The contract does not exist, or belongs to another agency. All services share this error."""

    code = "contract-unknown"
    detail = "There is no contract with this id."


class ContractNotYetKnown(ContractUnknown):
    """The contract or its placement is not known here. The event that makes it known may be on its way."""

    may_be_lag = True


class Conflict(Problem):
    """The request conflicts with the present state."""

    status = 409
    code = "conflict"


class PersonErased(Conflict):
    """The personal data of the contract were erased."""

    code = "person-erased"
    detail = "The personal data of this contract were erased. It takes none any more."


class NoContact(Conflict):
    """Nobody may contact the debtor, or not in this way. All services share this error.

    ``reason`` is the reason as events and lists write it, such as ``unknown_state``. The code is the same with hyphens.
    A subclass sets the code of its one reason.
    """

    code = "no-contact"
    detail = "The code is the reason why nobody may contact the debtor, such as payment or unknown-state."

    def __init__(
        self, reason: str | None = None, detail: str | None = None, *, extra: Mapping[str, Any] | None = None
    ) -> None:
        code = self.code if reason is None else reason.replace("_", "-")
        super().__init__(detail, code=code, extra={"reason": code.replace("-", "_"), **(extra or {})})


class Unauthorised(Problem):
    """The token is missing or not trusted."""

    status = 401
    code = "unauthorised"
    detail = "Send a valid token as Authorization: Bearer."
    headers: Mapping[str, str] = MappingProxyType({"WWW-Authenticate": "Bearer"})


class Unavailable(Problem):
    """The request cannot be handled now. Nothing was changed."""

    status = 503
    code = "unavailable"
    detail = "A system that the request needs is unavailable. Nothing was changed. Send the request again."
    headers: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})
