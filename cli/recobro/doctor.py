"""``recobro doctor``: all checks in one go, one line for each."""

import asyncio
import os
import sys
import textwrap
from collections.abc import Sequence
from typing import Annotated

import typer

from recobro import business_checks, database_checks, log_checks, machine_checks, targets
from recobro.data import DataFolder
from recobro.finding import Finding, Verdict, unknown
from recobro.language import Locale, speak, tr
from recobro.services import addresses_at
from recobro.targets import Targets
from recobro.terminal import DEFAULT_DATA, AsJson, Data, Url, count, out, print_json

_STORES = {"photos": "RECOBRO_PHOTOS_URL", "receipts": "RECOBRO_RECEIPTS_URL"}
"""Where files are stored: the folder in DIR, and the variable of a platform that is elsewhere."""
_ORDER = (Verdict.WRONG, Verdict.UNKNOWN, Verdict.OK)
Everything = Annotated[bool, typer.Option("--all", help="Also print the checks that passed.")]
_STYLES = {Verdict.OK: "green", Verdict.WRONG: "red", Verdict.UNKNOWN: "yellow"}


def doctor(data: Data = DEFAULT_DATA, url: Url = None, as_json: AsJson = False, everything: Everything = False) -> None:
    """Check the whole platform and its day. Print what is wrong and how to repair it.

    Exit code 1 if anything is wrong. The command changes nothing and takes some seconds.

    It checks the platform on DIR. If variables such as RECOBRO_PORTFOLIO_DATABASE_URL are set, it checks instead the
    databases that they name and the log that RECOBRO_KAFKA_BOOTSTRAP or RECOBRO_LOG_URL names. In that case it checks
    the services themselves only if --url gives their address.

    Example: recobro doctor
    """
    if as_json:
        # JSON is for programs, which do not read the reader's language.
        speak(Locale())
    folder = DataFolder(data)
    findings = asyncio.run(look(targets.find(folder), folder, url))
    wrong = sum(finding.verdict is Verdict.WRONG for finding in findings)
    if as_json:
        print_json([{"what": one.what, "verdict": one.verdict.value, "saying": one.result} for one in findings])
    else:
        shown = [finding for finding in findings if everything or finding.verdict is not Verdict.OK]
        _show(shown)
        fine = len(findings) - len(shown)
        ended = tr("Problems: {problems}.", problems=count(wrong)) if wrong else tr("No problem found.")
        rest = " " + tr("Checks that passed: {checks}; --all shows them.", checks=count(fine)) if fine else ""
        out.print(("\n" if shown else "") + ended + rest)
    raise typer.Exit(1 if wrong else 0)


async def look(chosen: Targets, folder: DataFolder, url: str | None) -> list[Finding]:
    """Return every finding: first the machine, then each database, the log and the services."""
    from recobro.log_settings import program_of

    # Import here, before several threads import at once.
    for service in chosen.databases:
        program_of(service)
    here = chosen.platform is not None
    found = await (_here(folder) if here else _elsewhere(chosen))
    checks = [database_checks.check(*target, embedded=here) for target in chosen.databases.items()]
    found += [finding for of_one in await asyncio.gather(*checks) for finding in of_one]
    found += await log_checks.check(chosen)
    if url is not None:
        addresses = addresses_at(url)
    elif chosen.platform is not None:
        addresses = {service.name: service.url for service in chosen.platform.services}
    else:
        return [*found, unknown(tr("services"), tr("neither --url nor RECOBRO_URL is set."))]
    return found + await asyncio.to_thread(machine_checks.services_ready, addresses, here=url is None)


async def _here(folder: DataFolder) -> list[Finding]:
    found = [
        machine_checks.disk(folder.root),
        *await machine_checks.keys_of_folder(folder),
        *business_checks.lost_writes(folder.root),
    ]
    # The service creates the folder with the first file.
    stores = {name: folder.root / name for name in _STORES}
    return found + [await machine_checks.files(tr(name), at.as_uri()) for name, at in stores.items() if at.exists()]


async def _elsewhere(chosen: Targets) -> list[Finding]:
    found = [*machine_checks.settings(chosen.databases), *await machine_checks.keys_of_environment()]
    urls = {name: os.environ.get(variable) for name, variable in _STORES.items()}
    return found + [await machine_checks.files(tr(name), url) for name, url in urls.items() if url]


def _show(findings: Sequence[Finding]) -> None:
    """Print a line for each finding, the wrong ones first."""
    indent = max(len(tr(verdict.value)) for verdict in Verdict) + 2
    width = out.width if out.is_terminal else sys.maxsize
    for finding in sorted(findings, key=lambda one: _ORDER.index(one.verdict)):
        lines = textwrap.wrap(str(finding), width - indent, break_on_hyphens=False, break_long_words=False)
        out.print(f"{tr(finding.verdict.value):<{indent}}", style=_STYLES[finding.verdict], end="")
        out.print(f"\n{' ' * indent}".join(lines), markup=False)
