"""The principal of a request: the claims of its verified token, checked one by one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self
from uuid import UUID

LONGEST_NAME = 128
_TOKEN_ID = re.compile(r"[\x21-\x7e]{1,128}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Claims = Mapping[str, Any]


class WrongToken(ValueError):
    """A token is not valid. The text is a sentence for its owner."""


class WrongClaim(WrongToken):
    """A claim is missing or has no permitted value."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller that the token names: an operator, or the agency ``agency_id``, which sees only its own work.

    ``subject`` is the person or program that the token is about. With ``delegate``, another party acts on behalf of
    ``subject`` (RFC 8693, section 4.1). ``client`` is the program that obtained the token, and ``token_id`` names the
    token itself.
    """

    subject: str
    scopes: frozenset[str]
    token_id: str
    role: Literal["operator"] | None = None
    agency_id: UUID | None = None
    client: str | None = None
    delegate: str | None = None

    @property
    def actor(self) -> str:
        """The acting party: the delegate if there is one, else the subject."""
        return self.subject if self.delegate is None else self.delegate

    @property
    def on_behalf_of(self) -> str | None:
        """The party for which the actor acts, or None if it acts for itself."""
        return None if self.delegate is None else self.subject

    @classmethod
    def of(cls, claims: Claims) -> Self:
        """Return the principal of a verified token. Raises ``WrongClaim`` if the token does not name its caller."""
        role, agency_id = _role_or_agency(claims)
        client = "client_id" if "client_id" in claims else "azp"
        return cls(
            subject=_name(claims, "sub"),
            scopes=_scopes(claims),
            token_id=_token_id(claims),
            role=role,
            agency_id=agency_id,
            client=_name(claims, client) if client in claims else None,
            delegate=_delegate(claims),
        )


def _role_or_agency(claims: Claims) -> tuple[Literal["operator"] | None, UUID | None]:
    """A token that names neither must not count as an operator's."""
    if ("agency_id" in claims) == ("role" in claims):
        raise WrongClaim('The token needs either an agency_id or the role "operator".')
    if "role" in claims:
        if claims["role"] != "operator":
            raise WrongClaim('The token may have no role but "operator".')
        return "operator", None
    agency = claims["agency_id"]
    if not isinstance(agency, str) or not _UUID.fullmatch(agency):
        raise WrongClaim("The token's agency_id must be a UUID.")
    return None, UUID(agency)


def _name(claims: Claims, claim: str) -> str:
    name = claims.get(claim)
    if not is_name(name):
        raise WrongClaim(f"The token's {claim} must be 1 to {LONGEST_NAME} printable characters.")
    return str(name)


def is_name(value: object) -> bool:
    """Whether ``value`` may name a person or a program: bounded, and without invisible characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_NAME:
        return False
    return value.isprintable() and value == value.strip()


def _scopes(claims: Claims) -> frozenset[str]:
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise WrongClaim("The token's scope must be text.")
    return frozenset(scope.split())


def _token_id(claims: Claims) -> str:
    token_id = claims.get("jti")
    if not is_token_id(token_id):
        raise WrongClaim("The token's jti must be 1 to 128 visible ASCII characters.")
    return str(token_id)


def is_token_id(value: object) -> bool:
    """Whether ``value`` may be the id of a token."""
    return isinstance(value, str) and _TOKEN_ID.fullmatch(value) is not None


def _delegate(claims: Claims) -> str | None:
    if "act" not in claims:
        return None
    act = claims["act"]
    if not isinstance(act, dict):
        raise WrongClaim("The token's act must be an object.")
    if not is_name(act.get("sub")):
        raise WrongClaim(f"The token's act.sub must be 1 to {LONGEST_NAME} printable characters.")
    return str(act["sub"])
