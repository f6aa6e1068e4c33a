"""Signing in at an identity provider: OpenID Connect, authorization code with PKCE.

==========================================  ====================================================================
an answer to a sign-in not begun here       is refused: its state is not that of the browser's cookie (RFC 6749)
a stolen code                               is worth nothing without the verifier, which never leaves us (RFC 7636)
an answer of another provider               is refused by ``iss``, if the provider sends it (RFC 9207)
an identity of another sign-in              is refused by its nonce (OpenID Connect Core, 3.1.3.7)
tokens                                      stay in the sealed session; the browser gets none
==========================================  ====================================================================
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import structlog
from chassis.principals import WrongToken, is_name
from chassis.trust.claims import LEEWAY_SECONDS
from chassis.trust.jws import SignedToken
from chassis.trust.key_ring import KeyRing, UnknownKey

from recobro_console.sessions.store import Role, Session
from recobro_console.sessions.tokens import SignedOut
from recobro_console.settings import ConsoleSettings

CALLBACK = "/sign-in/callback"
ROLE_CLAIM = "recobro_role"
BEGUN_SECONDS = 600
_MOST_BYTES = 256 * 1024
_KNOWN_SECONDS = 3600.0
_DEFAULT_LIFETIME_SECONDS = 300
_log = structlog.get_logger(__name__)


class ProviderAway(Exception):
    """The identity provider does not answer, or not as OpenID Connect says."""


class NotSignedIn(Exception):
    """The sign-in has failed, or the user has no role here. ``why`` is for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Begun:
    """A sign-in that has begun: what the browser keeps in a cookie until it comes back."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Begun":
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))

    @classmethod
    def of(cls, cookie: str | None) -> "Begun | None":
        parts = (cookie or "").split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    def cookie(self) -> str:
        return f"{self.state}.{self.nonce}.{self.verifier}"

    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class OidcIssuer:
    """The identity provider of the settings."""

    def __init__(self, settings: ConsoleSettings, http: httpx.AsyncClient) -> None:
        assert settings.console_oidc_issuer is not None
        assert settings.console_oidc_client_id is not None
        self._issuer = settings.console_oidc_issuer
        self._client_id = settings.console_oidc_client_id
        self._secret = settings.console_oidc_client_secret
        self._scope = settings.console_oidc_scope
        self._hours = settings.console_session_hours
        self._public_url = settings.public_url
        self._http = http
        self._provider: Mapping[str, Any] = {}
        self._provider_until = 0.0
        self._keys: KeyRing | None = None

    async def address(self, begun: Begun) -> str:
        """Where the browser goes to sign in. Raises ``ProviderAway``."""
        provider = await self._known()
        asked = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._public_url + CALLBACK,
            "scope": self._scope,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": begun.challenge(),
            "code_challenge_method": "S256",
        }
        return f"{provider['authorization_endpoint']}?{urlencode(asked)}"

    async def sign_in(self, begun: Begun | None, answer: Mapping[str, str]) -> Session:
        """Return the session of the user who comes back. Raises ``NotSignedIn`` or ``ProviderAway``."""
        if begun is None or not hmac.compare_digest(begun.state.encode(), answer.get("state", "").encode()):
            raise NotSignedIn("the state is not that of a sign-in that this browser has begun")
        if answer.get("iss", self._issuer) != self._issuer:
            raise NotSignedIn("another provider has answered")
        if "code" not in answer:
            raise NotSignedIn(f"the provider has refused: {answer.get('error', 'no code')[:100]}")
        tokens = await self._tokens(
            {
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self._public_url + CALLBACK,
                "code_verifier": begun.verifier,
            }
        )
        claims = await self._identity(str(tokens.get("id_token", "")), begun.nonce)
        return self._session(claims, tokens)

    async def renewed(self, session: Session) -> Session:
        """Return the session with fresh tokens, by its refresh token."""
        if session.expires_at <= datetime.now(UTC) or session.refresh_token is None:
            raise SignedOut
        try:
            tokens = await self._tokens({"grant_type": "refresh_token", "refresh_token": session.refresh_token})
        except NotSignedIn:
            raise SignedOut from None
        return session.with_token(*_access(tokens), tokens.get("refresh_token"))

    async def farewell(self, session: Session) -> str | None:
        """Where the browser signs out at the provider too, if the provider has such a page."""
        try:
            provider = await self._known()
        except ProviderAway:
            return None
        if not isinstance(page := provider.get("end_session_endpoint"), str):
            return None
        asked = {"client_id": self._client_id, "post_logout_redirect_uri": f"{self._public_url}/sign-in"}
        if session.id_token:
            asked["id_token_hint"] = session.id_token
        return f"{page}?{urlencode(asked)}"

    def _session(self, claims: Mapping[str, Any], tokens: Mapping[str, Any]) -> Session:
        try:
            role = Role(claims.get(ROLE_CLAIM, ""))
            agency = UUID(claims["agency_id"]) if role is Role.AGENCY else None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotSignedIn(f"the identity has no {ROLE_CLAIM} that is known here") from None
        name = claims.get("name") or claims.get("preferred_username") or claims["sub"]
        token, lifetime = _access(tokens)
        session = Session(
            subject=claims["sub"],
            name=name if is_name(name) else claims["sub"],
            role=role,
            scopes=tuple(_scopes(tokens, token)),
            agency_id=agency,
            expires_at=datetime.now(UTC) + timedelta(hours=self._hours),
            id_token=str(tokens["id_token"]),
        )
        return session.with_token(token, lifetime, tokens.get("refresh_token"))

    async def _identity(self, token: str, nonce: str) -> Mapping[str, Any]:
        """The claims of an identity token that is for us and for this sign-in."""
        try:
            signed = SignedToken.parse(token)
            try:
                (await self._key_ring()).verify(signed)
            except UnknownKey:
                (await self._key_ring(anew=True)).verify(signed)
            claims = signed.claims()
        except WrongToken as error:
            raise NotSignedIn(str(error)) from error
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        now = time.time()
        right = (
            claims.get("iss") == self._issuer
            and self._client_id in audiences
            and (len(audiences) == 1 or claims.get("azp") == self._client_id)
            and isinstance(claims.get("exp"), int | float)
            and claims["exp"] > now - LEEWAY_SECONDS
            and isinstance(claims.get("nonce"), str)
            and hmac.compare_digest(claims["nonce"].encode(), nonce.encode())
            and is_name(claims.get("sub"))
        )
        if not right:
            raise NotSignedIn("the identity token is not for this console, not for this sign-in, or over")
        return claims

    async def _known(self) -> Mapping[str, Any]:
        """The provider's own description, at most an hour old."""
        if time.monotonic() >= self._provider_until:
            found = await self._json("GET", f"{self._issuer}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != self._issuer or not all(isinstance(found.get(name), str) for name in needed):
                raise ProviderAway("its description is that of another issuer, or lacks an endpoint")
            self._provider, self._provider_until = found, time.monotonic() + _KNOWN_SECONDS
            self._keys = None
        return self._provider

    async def _key_ring(self, *, anew: bool = False) -> KeyRing:
        provider = await self._known()
        if self._keys is None or anew:
            try:
                self._keys = KeyRing.parse(json.dumps(await self._json("GET", provider["jwks_uri"])).encode())
            except ValueError as error:
                raise ProviderAway(str(error)) from error
        return self._keys

    async def _tokens(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        provider = await self._known()
        auth = httpx.BasicAuth(self._client_id, self._secret) if self._secret else None
        return await self._json(
            "POST", provider["token_endpoint"], data={**form, "client_id": self._client_id}, auth=auth
        )

    async def _json(self, method: str, url: str, auth: httpx.Auth | None = None, **content: Any) -> Mapping[str, Any]:
        """The JSON object of an answer. A 400 or 401 to a form is a refusal; else the provider counts as away."""
        try:
            async with self._http.stream(method, url, auth=auth, timeout=10.0, **content) as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _MOST_BYTES:
                        raise ProviderAway("its answer is too long")
        except httpx.HTTPError as error:
            raise ProviderAway(type(error).__name__) from error
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if method == "POST" and answer.status_code in (400, 401):
            code = found.get("error") if isinstance(found, dict) else None
            raise NotSignedIn(f"the provider has refused: {str(code)[:100]}")
        if not answer.is_success or not isinstance(found, dict):
            raise ProviderAway(f"it answers {answer.status_code}")
        return found


def _access(tokens: Mapping[str, Any]) -> tuple[str, int]:
    """The token for the services and the seconds for which it is valid."""
    token, seconds = tokens.get("access_token"), tokens.get("expires_in", _DEFAULT_LIFETIME_SECONDS)
    if not isinstance(token, str) or isinstance(seconds, bool) or not isinstance(seconds, int):
        raise ProviderAway("its answer has no access token")
    return token, seconds


def _scopes(tokens: Mapping[str, Any], token: str) -> list[str]:
    """The scopes of the token for the services. They decide which controls are shown; the services check them."""
    try:
        claimed = SignedToken.parse(token).claims().get("scope", "")
    except WrongToken:
        claimed = ""
    return f"{tokens.get('scope', '')} {claimed}".split()
