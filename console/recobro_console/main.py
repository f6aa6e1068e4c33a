"""The console's process: ``python -m recobro_console [all|migrate]``."""

import sys
from functools import partial

import httpx
from chassis import logs
from chassis.migrations import role_of, upgrade
from chassis.server import serve
from chassis.settings import transport_from
from recobro_events import Database

from recobro_console.app import client, create_app
from recobro_console.sessions.local import LocalIssuer
from recobro_console.sessions.oidc import OidcIssuer
from recobro_console.sessions.tokens import Issuer
from recobro_console.settings import ConsoleSettings

SERVICE = "console"
MIGRATIONS = "recobro_console.migrations"
_COMMANDS = ("all", "migrate")
_WRONG_USE = 2


def run() -> None:
    """Run the command of the command line, until SIGTERM or SIGINT."""
    asked = sys.argv[1:] or ["all"]
    if len(asked) != 1 or asked[0] not in _COMMANDS:
        print(f"{SERVICE} takes one of: {', '.join(_COMMANDS)}.", file=sys.stderr)
        raise SystemExit(_WRONG_USE)
    settings = ConsoleSettings.load(SERVICE)
    upgrade(settings.owner_database_url or settings.database_url, MIGRATIONS, role_of(settings.database_url))
    if asked[0] == "migrate":
        print(f"The database of {SERVICE} is up to date.")
        return
    logs.configure(SERVICE)
    http = client()
    issuer = issuer_of(settings, http)
    app = create_app(settings, Database(settings.database_url), partial(transport_from, settings), issuer, http=http)
    serve(app, settings.host, settings.port)


def issuer_of(settings: ConsoleSettings, http: httpx.AsyncClient) -> Issuer:
    """Return who gives sessions their tokens: the identity provider, or on one machine the platform's own key."""
    if settings.console_oidc_issuer is not None:
        return OidcIssuer(settings, http)
    assert settings.console_signing_key_file is not None
    assert settings.jwt_public_key_file is not None
    return LocalIssuer(
        settings.console_signing_key_file, settings.jwt_public_key_file, settings.jwt_issuer, settings.jwt_audience
    )
