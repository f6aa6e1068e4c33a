"""``recobro console-link``: a link that signs somebody in at the console of this machine, once."""

from typing import Annotated, Literal
from urllib.parse import quote

import typer
from recobro_platform import CONSOLE

from recobro import keys
from recobro.client import connect
from recobro.data import DataFolder, PlatformState
from recobro.errors import Trouble
from recobro.language import tr
from recobro.lookup import agency_named
from recobro.terminal import DEFAULT_DATA, Data, out

_LINK_SECONDS = 900
_AUDIENCE = "recobro-console"


def console_link(
    data: Data = DEFAULT_DATA,
    role: Annotated[
        Literal["operator", "supervisor", "auditor"],
        typer.Option(help="What the person does: operators work, supervisors also operate, auditors only read."),
    ] = "supervisor",
    agency: Annotated[
        str | None, typer.Option(metavar="NAME", help="An agency; the person sees only its work.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="The person; default: the operating system's user name."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--console-url",
            metavar="URL",
            envvar="RECOBRO_CONSOLE_URL",
            help="The console's address; default: that of the platform that runs on DIR.",
        ),
    ] = None,
) -> None:
    """Print a link that opens the console in the browser, once, within 15 minutes.

    The key in DIR signs the link, so the console must know that key.

    Example: recobro console-link --role auditor --as "Ana Torres"
    """
    folder = DataFolder(data)
    url = url or _running(folder)
    if agency is None:
        out.print(link(folder, url, role, person=name), soft_wrap=True)
        return
    with connect(folder, None) as client:
        agency_id = agency_named(client, agency)["agency_id"]
    out.print(link(folder, url, "agency", person=name or agency, agency_id=agency_id), soft_wrap=True)


def _running(folder: DataFolder) -> str:
    state = folder.running()
    if state is None:
        raise Trouble(
            tr("No platform is running on {folder}. Start one with: recobro up --data {folder}", folder=folder.root)
        )
    return address(state)


def address(state: PlatformState) -> str:
    """Return the console's address on this machine."""
    return next(service.url for service in state.services if service.name == CONSOLE.name)


def link(data: DataFolder, url: str, role: str, *, person: str | None = None, agency_id: str | None = None) -> str:
    """Return a link that signs a person in at the console at ``url``, once, within 15 minutes."""
    from uuid import UUID

    code = keys.token(
        data,
        subject=person or keys.person(),
        scopes=[f"console:{role}"],
        agency_id=UUID(agency_id) if agency_id else None,
        ttl_seconds=_LINK_SECONDS,
        audience=_AUDIENCE,
    )
    return f"{url.rstrip('/')}/sign-in/link?code={quote(code)}"
