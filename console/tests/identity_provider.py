"""An identity provider as OpenID Connect describes one, for tests. It can be told to misbehave."""

import asyncio
import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chassis.testing import mint
from chassis.tokens import generate_key, public_member
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt

ISSUER = "http://id.test"
CLIENT = "console"


@dataclass
class Provider:
    """``claims`` are added to every identity token. ``lifetime`` is that of the tokens for the services, in seconds."""

    claims: dict[str, Any] = field(default_factory=lambda: {"recobro_role": "operator", "name": "Ana Torres"})
    lifetime: int = 900
    away: bool = False
    refuses_refresh: bool = False
    key: Any = field(default_factory=generate_key)
    refreshed: int = 0
    refresh_may_go: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.refresh_may_go.set()
        self._codes: dict[str, dict[str, str]] = {}
        self.app = FastAPI()
        self.app.get("/.well-known/openid-configuration")(self._description)
        self.app.get("/keys")(self._keys)
        self.app.post("/token")(self._token)

    def approve(self, address: str, **changes: str) -> dict[str, str]:
        """What the browser brings back when the user has agreed at ``address``."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["client_id"], asked["code_challenge_method"]) == (CLIENT, "S256")
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked | changes
        return {"code": code, "state": asked["state"], "iss": ISSUER}

    async def _description(self) -> Any:
        if self.away:
            return JSONResponse({}, 503)
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "end_session_endpoint": f"{ISSUER}/bye",
        }

    async def _keys(self) -> Any:
        return {"keys": [public_member(self.key)]}

    async def _token(self, request: Request) -> Any:
        form = dict(await request.form())
        if form["grant_type"] == "refresh_token":
            if self.refuses_refresh:
                return JSONResponse({"error": "invalid_grant"}, 400)
            self.refreshed += 1
            await self.refresh_may_go.wait()
            return {"access_token": mint(), "expires_in": self.lifetime, "refresh_token": "again"}
        asked = self._codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "u-1", "exp": now + 60, "iat": now, "nonce": asked["nonce"]}
        header = {"alg": "ES256", "kid": self.key.kid}
        identity = jwt.encode(header, claims | self.claims, self.key, algorithms=["ES256"])
        return {
            "access_token": mint(),
            "expires_in": self.lifetime,
            "refresh_token": "first",
            "id_token": identity,
        }
