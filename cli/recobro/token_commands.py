"""``recobro token``: makes tokens, revokes them, and replaces the key that signs them."""

import re
from typing import Annotated
from uuid import UUID

import typer
from recobro_platform import SCOPES

from recobro import keys
from recobro.data import DataFolder
from recobro.errors import Trouble
from recobro.language import tr
from recobro.terminal import DEFAULT_DATA, Data, out

commands = typer.Typer(invoke_without_command=True)
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}", re.ASCII)


@commands.callback()
def token(
    context: typer.Context,
    data: Data = DEFAULT_DATA,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help="A scope of the token, such as portfolio:read; may be repeated."),
    ] = None,
    agency: Annotated[UUID | None, typer.Option(metavar="ID", help="Limit the token to this agency's work.")] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--as", metavar="NAME", help="The person that the token names; default: the operating system's user name."
        ),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE", help="A role of the person, such as supervisor; may be repeated."),
    ] = None,
    ttl: Annotated[int, typer.Option(metavar="SECONDS", min=1, help="For how many seconds the token is valid.")] = 3600,
) -> None:
    """Print a token for the REST interface, and nothing else.

    Without --scope the token has every scope. Without --agency it is an operator's token.

    Example: curl -H "Authorization: Bearer $(recobro token)" http://127.0.0.1:8001/v1/portfolios
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    if unknown := set(scope or ()) - set(SCOPES):
        raise Trouble(
            tr(
                "There is no scope {unknown}. There are: {scopes}.",
                unknown=", ".join(sorted(unknown)),
                scopes=", ".join(SCOPES),
            )
        )
    if wrong := [each for each in role or () if not _ROLE.fullmatch(each)]:
        raise Trouble(tr("A role is a word in small letters, such as supervisor, and not: {wrong}.", wrong=wrong[0]))
    subject = name if name is not None else f"agency-{agency}" if agency else keys.person()
    scopes = [*(scope or SCOPES), *(f"role:{each}" for each in role or ())]
    typer.echo(keys.token(DataFolder(data), subject=subject, scopes=scopes, agency_id=agency, ttl_seconds=ttl))


@commands.command()
def revoke(
    token_or_id: Annotated[str, typer.Argument(metavar="JTI", help="The token's jti, or the token.")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Revoke a token. The services of DIR refuse it within seconds.

    Example: recobro token revoke 0b8e1f4c-6f0a-4c3b-9a51-0e6f0a2f7d11
    """
    out.print(tr("Revoked {keys}.", keys=keys.revoke(DataFolder(data), token_or_id)), markup=False)


@commands.command()
def rotate(
    data: Data = DEFAULT_DATA,
    revoke: Annotated[bool, typer.Option("--revoke", help="Refuse all older tokens at once.")] = False,
) -> None:
    """Make a new key that signs tokens. Without --revoke the services accept older tokens until these have run out.

    With --revoke the services of DIR refuse all older tokens within seconds, those of agencies too.

    Example: recobro token rotate
    """
    until = keys.rotate(DataFolder(data), revoke=revoke)
    if revoke:
        out.print(tr("A new key signs tokens now. Older tokens are refused within seconds."))
        return
    sentence = tr(
        "A new key signs tokens now. Older tokens are accepted until {until} UTC, if they last so long.",
        until=f"{until:%Y-%m-%d %H:%M}",
    )
    out.print(sentence, markup=False)


def _refuse_options(context: typer.Context) -> None:
    """An option of `recobro token` would mean nothing before a subcommand, and --data would name the wrong folder."""
    sources = {each.opts[0]: context.get_parameter_source(each.name) for each in context.command.params if each.name}
    given = [option for option, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        raise Trouble(
            tr(
                "Write {given} behind {subcommand}.",
                given=", ".join(given),
                subcommand=context.invoked_subcommand,
            )
        )
