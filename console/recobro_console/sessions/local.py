"""Signing in on one machine: a one-time link, and tokens of the platform's own key.

The link carries a token of the platform's key for this console alone: its audience is ``recobro-console``, so no
service accepts it. Its scope names the role, as in ``console:auditor``. It opens the console once.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chassis.principals import Principal, WrongToken
from chassis.second_person import ROLE_SCOPE
from chassis.tokens import load_private_key, mint
from chassis.trust.claims import ClaimRules
from chassis.trust.jws import SignedToken
from chassis.trust.key_ring import KeyRing
from recobro_platform import SCOPES

from recobro_console.sessions.store import Role, Session, Store
from recobro_console.sessions.tokens import SignedOut

AUDIENCE = "recobro-console"
LONGEST_LINK_SECONDS = 24 * 3600
TOKEN_SECONDS = 900
CLIENT = "recobro-console"
_SCOPES_OF = {
    Role.AUDITOR: tuple(scope for scope in SCOPES if scope.endswith(":read")),
    Role.SUPERVISOR: (*SCOPES, f"{ROLE_SCOPE}{Role.SUPERVISOR}"),
}
"""The scopes of roles that differ from those of an operator. A supervisor decides what others ask for."""


class WrongLink(Exception):
    """The link opens no session. ``used``: it has been used already."""

    def __init__(self, *, used: bool = False) -> None:
        super().__init__("used" if used else "wrong")
        self.used = used


class LocalIssuer:
    """Signs the tokens of this machine's users with the platform's key."""

    def __init__(self, key_file: Path, public_key_file: Path, issuer: str, audience: str) -> None:
        self._key_file, self._public_key_file = key_file, public_key_file
        self._issuer, self._audience = issuer, audience

    async def renewed(self, session: Session) -> Session:
        if session.expires_at <= datetime.now(UTC):
            raise SignedOut
        token = mint(
            load_private_key(self._key_file),
            session.subject,
            session.scopes,
            session.agency_id,
            TOKEN_SECONDS,
            role=None if session.agency_id else "operator",
            client=CLIENT,
            issuer=self._issuer,
            audience=self._audience,
        )
        return session.with_token(token, TOKEN_SECONDS)

    async def sign_in(self, link: str, store: Store, hours: int) -> Session:
        """Return the session that the link's token opens. Raises ``WrongLink``."""
        try:
            signed = SignedToken.parse(link)
            KeyRing.parse(self._public_key_file.read_bytes()).verify(signed)
            claims = signed.claims()
            ClaimRules(self._issuer, AUDIENCE, LONGEST_LINK_SECONDS).check(claims, time.time())
            principal = Principal.of(claims)
            [scope] = principal.scopes
            role = Role(scope.removeprefix("console:"))
            if (role is Role.AGENCY) != (principal.agency_id is not None):
                raise WrongLink
        except (WrongToken, ValueError, KeyError) as error:
            raise WrongLink from error
        if not await store.use_link(principal.token_id, datetime.fromtimestamp(claims["exp"], UTC)):
            raise WrongLink(used=True)
        session = Session(
            subject=principal.subject,
            name=principal.subject,
            role=role,
            scopes=_SCOPES_OF.get(role, SCOPES),
            agency_id=principal.agency_id,
            expires_at=datetime.now(UTC) + timedelta(hours=hours),
        )
        return await self.renewed(session)
