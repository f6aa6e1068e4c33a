"""The console before real services, all in this process, and a browser in front of it.

The services share one log in memory and have real databases. ``Scene.client`` speaks HTTP with the console as one user;
``Scene.browser_page`` is a page of the system's Chromium.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import uvicorn
from chassis import tokens
from chassis.testing import private_key_file, test_settings
from fastapi import FastAPI
from fresh_databases import FreshDatabases
from playwright.async_api import Browser, BrowserContext, Page
from playwright.async_api import Error as BrowserError
from recobro.postgres import free_port
from recobro_console.app import create_app
from recobro_console.main import MIGRATIONS, issuer_of
from recobro_console.sessions.local import AUDIENCE
from recobro_console.settings import ConsoleSettings
from recobro_events import Database
from services_in_process import InProcessPlatform

_CSRF = re.compile(r'name="_csrf" value="([^"]+)"')


class Scene:
    """A console at ``url``, its services, and its users."""

    def __init__(self, platform: InProcessPlatform, app: FastAPI, url: str) -> None:
        self.platform, self.app, self.url = platform, app, url

    def link(self, role: str = "supervisor", person: str = "Ana Torres", agency_id: str | None = None) -> str:
        """A login link that has not been used."""
        code = tokens.mint(
            tokens.load_private_key(private_key_file()),
            person,
            [f"console:{role}"],
            UUID(agency_id) if agency_id else None,
            900,
            role=None if agency_id else "operator",
            audience=AUDIENCE,
        )
        return f"{self.url}/sign-in/link?code={code}"

    @asynccontextmanager
    async def client(
        self,
        role: str = "supervisor",
        language: str = "es-MX",
        agency_id: str | None = None,
        person: str = "Ana Torres",
    ) -> AsyncIterator[httpx.AsyncClient]:
        """A client that has signed in and follows no redirects."""
        headers = {"Accept-Language": language}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60) as client:
            answer = await client.get(self.link(role, person, agency_id).removeprefix(self.url))
            assert answer.status_code == 303, answer.text
            yield client

    async def send(self, client: httpx.AsyncClient, page: str, action: str, **fields: Any) -> httpx.Response:
        """Send a form of ``page`` to ``action``, as a browser does."""
        token = _CSRF.search((await client.get(page)).text)
        assert token is not None
        return await client.post(action, data={"_csrf": token[1], **fields})

    @asynccontextmanager
    async def browser_page(
        self, browser: Browser, role: str = "supervisor", *, width: int = 1280, language: str = "es-MX", **others: Any
    ) -> AsyncIterator[Page]:
        """A page of a user who has signed in. The test fails if the page logs an error or loads from outside."""
        context: BrowserContext = await browser.new_context(
            viewport={"width": width, "height": 900}, locale=language, **others
        )
        context.set_default_timeout(60_000)
        page = await context.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console", lambda said: troubles.append(f"{said.text} {said.location}") if said.type == "error" else None
        )
        page.on("request", lambda sent: None if sent.url.startswith((self.url, "data:")) else troubles.append(sent.url))
        await page.goto(self.link(role))
        try:
            yield page
        except Exception as error:
            error.add_note(f"{troubles}\n{await _shown(page)}")
            raise
        finally:
            # A browser that does not close a page is no defect of the console.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    await context.close()
        assert not troubles, troubles


async def _shown(page: Page) -> str:
    """Where the page is, and what it says: for whoever looks into a failure."""
    with contextlib.suppress(BrowserError):
        return f"{page.url}\n{await page.inner_text('body', timeout=10_000)}"[:4000]
    return page.url


@asynccontextmanager
async def console_before(
    platform: InProcessPlatform,
    databases: FreshDatabases,
    provider: FastAPI | None = None,
    *,
    dsn: str | None = None,
    port: int | None = None,
    **changes: Any,
) -> AsyncIterator[Scene]:
    """Serve a console before the services of ``platform``. ``provider`` answers at http://id.test.

    Without ``dsn`` it has a database of its own, without ``port`` a free port.
    """
    own_dsn = await databases.migrated(MIGRATIONS) if dsn is None else None
    dsn, port = dsn or own_dsn, port or free_port()
    assert dsn is not None
    base = test_settings(dsn, service="console", port_base=port).model_dump()
    settings = ConsoleSettings(**base | {"console_signing_key_file": private_key_file()} | changes)
    mounts = {
        f"http://{name}": httpx.ASGITransport(client._transport.app)  # type: ignore[attr-defined]
        for name, client in platform.clients.items()
    }
    if provider is not None:
        mounts["http://id.test"] = httpx.ASGITransport(provider)
    http = httpx.AsyncClient(mounts=mounts)
    app = create_app(
        settings,
        # Beside a whole suite, a connection takes longer to open than a user would wait.
        Database(dsn, acquire_timeout_seconds=60),
        lambda: platform.transport,
        issuer_of(settings, http),
        http,
        addresses={name: f"http://{name}" for name in platform.clients},
    )
    # A connection that is idle while a test waits is not closed under its next request.
    config = uvicorn.Config(
        app,
        timeout_graceful_shutdown=2,
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=600,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(240):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for this
                await asyncio.sleep(0.02)
        yield Scene(platform, app, f"http://127.0.0.1:{port}")
    finally:
        app.state.stopping.set()
        # Not by force: uvicorn would leave the app's lifespan open, and the garbage collector would end it anywhere.
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        if own_dsn is not None:
            await databases.drop(own_dsn)
