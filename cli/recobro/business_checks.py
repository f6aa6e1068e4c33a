"""The checks of ``recobro doctor`` on the business of the day: files that wait or failed, days, lists and disputes.

They read the databases of portfolio and dialer-feed. A portfolio whose business date is more than a few days behind the
clock is not worked on daily, and nothing of its day is missing.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from recobro.finding import Finding, ok, wrong
from recobro.language import tr, word
from recobro.terminal import count, duration

_LOADING_SECONDS = 2700
_FAILED_DAYS = 3
_DAILY_DAYS = 4
_MOST_LINES = 5
_UNIDENTIFIED_SECONDS = 3 * 24 * 3600

_FIRST_UNFINISHED = """
SELECT DISTINCT ON (portfolio_id) file_id, filename, portfolio.name, status,
    extract(epoch FROM now() - received_at)::float8 AS seconds,
    (SELECT count(*) FROM file AS later
        WHERE later.portfolio_id = file.portfolio_id AND later.status NOT IN ('loaded', 'failed')) - 1 AS behind
FROM file JOIN portfolio USING (portfolio_id)
WHERE status NOT IN ('loaded', 'failed')
ORDER BY portfolio_id, sequence
"""
# The newest file of a portfolio that failed a short while ago. $1 days.
_FAILED = """
SELECT filename, portfolio.name, file.error
FROM portfolio CROSS JOIN LATERAL (
    SELECT * FROM file WHERE file.portfolio_id = portfolio.portfolio_id ORDER BY sequence DESC LIMIT 1
) AS file
WHERE file.status = 'failed' AND file.finished_at > now() - make_interval(days => $1)
ORDER BY file.finished_at
"""
# $1 days.
_UNSTAGED = """
SELECT name, today, reached, today - reached > $1 AS rests
FROM portfolio CROSS JOIN LATERAL (
    SELECT (now() AT TIME ZONE timezone)::date AS today, coalesce(staged_to, business_date) AS reached
) AS day
WHERE reached < today
ORDER BY name
"""
_OVERDUE_DISPUTES = """
SELECT count(*) FROM clarification JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
WHERE clarification.state = 'open' AND deadline_on < portfolio.business_date
"""
# The newest bank's file of each portfolio, without dry runs, if it waits too long or failed a short while ago. $1 days,
# $2 seconds.
_PAYMENT_FILES = """
SELECT filename, portfolio.name, file.status, file.error, extract(epoch FROM now() - received_at)::float8 AS seconds
FROM portfolio CROSS JOIN LATERAL (
    SELECT * FROM payment_file
    WHERE payment_file.portfolio_id = portfolio.portfolio_id AND NOT dry_run ORDER BY sequence DESC LIMIT 1
) AS file
WHERE file.status = 'failed' AND file.finished_at > now() - make_interval(days => $1)
    OR file.status IN ('received', 'reading', 'loading') AND file.received_at < now() - make_interval(secs => $2)
ORDER BY file.received_at
"""
_UNIDENTIFIED = """
SELECT count(*) AS payments, extract(epoch FROM now() - min(received_at))::float8 AS seconds
FROM unidentified_payment WHERE state = 'open'
"""
# Campaigns that had a list in the last days and have none on the newest day of their portfolios. $1 days.
_UNLISTED = """
SELECT campaign.name, day.today
FROM campaign CROSS JOIN LATERAL (
    SELECT max(portfolio.business_date) AS today, max((now() AT TIME ZONE portfolio.timezone)::date) AS clock
    FROM portfolio WHERE campaign.portfolio_ids IS NULL OR portfolio.portfolio_id = ANY (campaign.portfolio_ids)
) AS day CROSS JOIN LATERAL (
    SELECT max(business_date) AS newest FROM dialing_list
    WHERE dialing_list.campaign_id = campaign.campaign_id AND dialing_list.status <> 'failed'
) AS list
WHERE day.today >= day.clock AND list.newest < day.today AND day.today - list.newest <= $1
ORDER BY campaign.name
"""


async def _files(connection: Any) -> list[Finding]:
    found = []
    for row in await connection.fetch(_FIRST_UNFINISHED):
        what = tr("file {filename} of {name}", filename=row["filename"], name=row["name"])
        age = duration(row["seconds"])
        behind = " " + tr("Files behind it: {files}.", files=count(row["behind"])) if row["behind"] else ""
        if row["status"] == "needs_confirmation":
            answer = tr("To say yes: recobro confirm {file} (no: --no)", file=row["file_id"])
            found.append(
                wrong(
                    what,
                    tr(
                        "the file has waited for a confirmation for {age}.{behind} {answer}",
                        age=age,
                        behind=behind,
                        answer=answer,
                    ),
                )
            )
        elif row["seconds"] > _LOADING_SECONDS:
            found.append(
                wrong(
                    what,
                    tr(
                        "the file was uploaded {age} ago and is still {status}.{behind}",
                        age=age,
                        status=word(row["status"]),
                        behind=behind,
                    ),
                )
            )
    found += [
        wrong(
            tr("file {filename} of {name}", filename=row["filename"], name=row["name"]),
            tr("the file was not loaded. {error}", error=row["error"]),
        )
        for row in await connection.fetch(_FAILED, _FAILED_DAYS)
    ]
    return _shortened(tr("files"), found) or [
        ok(tr("files"), tr("no file waits for a person, and the newest ones are loaded."))
    ]


async def _days(connection: Any) -> list[Finding]:
    unstaged = await connection.fetch(_UNSTAGED, _DAILY_DAYS)
    missing = [
        wrong(
            tr("portfolio {name}", name=row["name"]),
            tr(
                "the contracts are staged to {reached}, and today is {today}. Run: recobro stage --as-of {today}",
                reached=row["reached"],
                today=row["today"],
            ),
        )
        for row in unstaged
        if not row["rests"]
    ]
    resting = len(unstaged) - len(missing)
    rest = " " + tr("Portfolios not worked on daily: {portfolios}.", portfolios=count(resting)) if resting else ""
    return _shortened(tr("portfolios"), missing) or [
        ok(tr("staging"), tr("no portfolio misses its day.{rest}", rest=rest))
    ]


async def _disputes(connection: Any) -> list[Finding]:
    if overdue := await connection.fetchval(_OVERDUE_DISPUTES):
        return [
            wrong(
                tr("clarifications"),
                tr(
                    "Open clarifications past their deadline: {clarifications}. Resolve them.",
                    clarifications=count(overdue),
                ),
            )
        ]
    return [ok(tr("clarifications"), tr("no open clarification has passed its deadline."))]


async def _payment_files(connection: Any) -> list[Finding]:
    found = []
    for row in await connection.fetch(_PAYMENT_FILES, _FAILED_DAYS, _LOADING_SECONDS):
        what = tr("file {filename} of {name}", filename=row["filename"], name=row["name"])
        if row["status"] == "failed":
            found.append(wrong(what, tr("the payment file was not booked. {error}", error=row["error"])))
        else:
            age, status = duration(row["seconds"]), word(row["status"])
            text = tr("the payment file was uploaded {age} ago and is still {status}.", age=age, status=status)
            found.append(wrong(what, text))
    waiting = await connection.fetchrow(_UNIDENTIFIED)
    if (waiting["seconds"] or 0) > _UNIDENTIFIED_SECONDS:
        text = tr(
            "{payments} unidentified payments wait, the oldest for {age}. Run: recobro unidentified",
            payments=count(waiting["payments"]),
            age=duration(waiting["seconds"]),
        )
        found.append(wrong(tr("payments of banks"), text))
    return _shortened(tr("payments of banks"), found) or [
        ok(tr("payments of banks"), tr("no payment file failed, and no unidentified payment waits too long."))
    ]


async def _lists(connection: Any) -> list[Finding]:
    missing = [
        wrong(
            tr("campaign {name}", name=row["name"]),
            tr("there is no list of {today}. Run: recobro list --all --date {today}", today=row["today"]),
        )
        for row in await connection.fetch(_UNLISTED, _DAILY_DAYS)
    ]
    return _shortened(tr("campaigns"), missing) or [ok(tr("lists"), tr("no campaign misses the list of its day."))]


def _shortened(what: str, found: list[Finding]) -> list[Finding]:
    if (more := len(found) - _MOST_LINES) <= 0:
        return found
    return [
        *found[:_MOST_LINES],
        wrong(what, tr("{more} more have such a problem.", more=more)),
    ]


def lost_writes(folder: Path) -> list[Finding]:
    """Return a finding for each list of writes that a restore has lost. A list is there until somebody removes it."""
    return [
        wrong(
            tr("restore"),
            tr(
                "{name} lists what the restored service has lost. Enter it again: recobro reenter {file}",
                name=file.name,
                file=file,
            ),
        )
        for file in sorted(folder.glob("lost-*.csv"))
    ] or [ok(tr("restore"), tr("no list of lost entries waits."))]


CHECKS: Mapping[str, tuple[Callable[[Any], Awaitable[list[Finding]]], ...]] = {
    "portfolio": (_files, _payment_files, _days, _disputes),
    "dialer-feed": (_lists,),
}


async def check(service: str, connection: Any) -> list[Finding]:
    """Return the findings on the business of one service."""
    return [finding for look in CHECKS.get(service, ()) for finding in await look(connection)]
