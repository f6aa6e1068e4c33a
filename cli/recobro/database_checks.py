"""The checks of ``recobro doctor`` on each service's database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from recobro_platform import Service

from recobro import business_checks, migrate, targets
from recobro.finding import Finding, Verdict, ok, unknown, wrong
from recobro.language import tr
from recobro.outbox import lanes_of
from recobro.terminal import count, duration

_OLDEST_POSTGRES = 180_000
_SKEW_SECONDS = 2.0
_LATE_SECONDS = 30.0
# A process of a service uses up to this many connections: its pool, its relays and its listeners.
_CONNECTIONS_OF_A_PROCESS = 15
_SETTINGS = "SELECT name, setting FROM pg_settings"
_ROLE = """
SELECT rolname, rolsuper, rolbypassrls, coalesce((SELECT relowner = pg_roles.oid FROM pg_class
    WHERE oid = to_regclass('public.audit_entry')), false) AS owns_audit
FROM pg_roles WHERE rolname = current_user
"""
_CONNECTIONS_TAKEN = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
_CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
_SET_ASIDE = """
SELECT (SELECT count(*) FROM parked_keys), (SELECT count(*) FROM dead_letters WHERE discarded_at IS NULL)
"""
# Our sessions set these themselves; a proxy between us and the server may have dropped them.
_LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
# These would end the sessions of relays and listeners, which are idle for hours.
_CUTS = ("idle_session_timeout", "transaction_timeout")
_LOSES = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "remote_write", "remote_apply"),
}


LOG_SETTINGS = {
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
"""With any other value the server's log would hold personal data."""

Look = Callable[[Service, Any], Awaitable[Finding | list[Finding]]]


async def check(service: Service, dsn: str, *, embedded: bool) -> list[Finding]:
    """Return all findings on one service's database, or that it cannot be reached.

    ``embedded`` is true for the platform's own database.
    """
    looks: Sequence[Look] = (_settings, _clock, _outboxes, _set_aside)
    found: list[Finding] = []
    try:
        async with targets.connected(service, dsn) as connection:
            found.append(await _version(service, connection))
            if found[0].verdict is Verdict.WRONG:
                return found
            found.append(await asyncio.to_thread(_schema, service, dsn))
            if not embedded:
                found.append(await _role(service, connection))
            for look in looks:
                answer = await look(service, connection)
                found += answer if isinstance(answer, list) else [answer]
            if found[1].verdict is Verdict.OK:
                found += await business_checks.check(service.name, connection)
    except targets.DatabaseTrouble as trouble:
        found.append(wrong(tr("{service}, database", service=service.name), tr("the database {why}", why=trouble.why)))
    return found


async def _version(service: Service, connection: Any) -> Finding:
    what, version = tr("{service}, database", service=service.name), await connection.fetchval("SHOW server_version")
    if int(await connection.fetchval("SHOW server_version_num")) < _OLDEST_POSTGRES:
        return wrong(what, tr("PostgreSQL {version} is too old. 18 or newer is needed.", version=version))
    return ok(what, tr("PostgreSQL {version} answers.", version=version.split()[0]))


def _schema(service: Service, dsn: str) -> Finding:
    what = tr("{service}, schema", service=service.name)
    try:
        schema = migrate.look(service, dsn)
    except targets.DATABASE_TROUBLE as error:
        return unknown(what, tr("the database {why}", why=targets.why(error, dsn)))
    if schema.outcome == "behind":
        return wrong(
            what,
            tr(
                "the revision is {before}, and this release needs {after}. Run: recobro migrate",
                before=schema.before,
                after=schema.after,
            ),
        )
    newer = tr(", from a newer release") if schema.outcome == "newer" else ""
    return ok(what, tr("the revision is {after}{newer}.", after=schema.after, newer=newer))


async def _role(service: Service, connection: Any) -> Finding:
    what, role = tr("{service}, role", service=service.name), await connection.fetchrow(_ROLE)
    if role["rolsuper"]:
        return wrong(
            what, tr("{rolname} is a superuser. Give the service a role that owns nothing.", rolname=role["rolname"])
        )
    if role["rolbypassrls"]:
        return wrong(
            what, tr("{rolname} bypasses row-level security. Remove BYPASSRLS from the role.", rolname=role["rolname"])
        )
    if role["owns_audit"]:
        return wrong(
            what,
            tr(
                "{rolname} owns the audit table and could change it. Let the service work as a role that "
                "owns nothing, and set RECOBRO_OWNER_DATABASE_URL for migrations.",
                rolname=role["rolname"],
            ),
        )
    return ok(what, tr("{rolname} is not a superuser, and owns no audit table.", rolname=role["rolname"]))


async def _settings(service: Service, connection: Any) -> list[Finding]:
    set_to = {row["name"]: row["setting"] for row in await connection.fetch(_SETTINGS)}
    what = tr("{service}, settings", service=service.name)
    found = [
        wrong(
            what,
            tr(
                "{name} is {value}, so acknowledged data can be lost in a crash. Set {name} to on.",
                name=name,
                value=set_to[name],
            ),
        )
        for name, good in _LOSES.items()
        if set_to[name] not in good
    ]
    found += [
        wrong(
            what,
            tr("{name} is 0 although the session has set it. Does a proxy drop the settings of sessions?", name=name),
        )
        for name in _LIMITS
        if set_to[name] == "0"
    ]
    found += [
        wrong(what, tr("{name} is set and would end the sessions of relays. Set {name} to 0 for the role.", name=name))
        for name in _CUTS
        if set_to[name] != "0"
    ]
    found += [
        wrong(
            what,
            tr(
                "{name} is {value}, so the server's log can hold personal data. Set {name} to {good}.",
                name=name,
                value=set_to[name],
                good=good,
            ),
        )
        for name, good in LOG_SETTINGS.items()
        if set_to[name] != good
    ]
    allowed = int(set_to["max_connections"]) - int(set_to["superuser_reserved_connections"])
    free = allowed - int(set_to["reserved_connections"]) - await connection.fetchval(_CONNECTIONS_TAKEN)
    if free < _CONNECTIONS_OF_A_PROCESS:
        need = tr("A process of a service takes up to {most}: raise max_connections.", most=_CONNECTIONS_OF_A_PROCESS)
        found.append(
            wrong(
                what,
                tr(
                    "{free} of {allowed} connections are free. {need}",
                    free=count(free),
                    allowed=count(allowed),
                    need=need,
                ),
            )
        )
    return found or [
        ok(
            what,
            tr(
                "no commit is lost in a crash; {free} of {allowed} connections are free.",
                free=count(free),
                allowed=count(allowed),
            ),
        )
    ]


async def _clock(service: Service, connection: Any) -> Finding:
    what, before = tr("{service}, clock", service=service.name), time.time()
    there = await connection.fetchval(_CLOCK)
    after = time.time()
    # The server answered at some moment between the two.
    skew = max(before - there, there - after, 0)
    if skew > _SKEW_SECONDS:
        return wrong(
            what, tr("the database's clock and this machine's are {skew} apart. Set both by NTP.", skew=duration(skew))
        )
    return ok(what, tr("the database's clock agrees with this machine's."))


async def _outboxes(service: Service, connection: Any) -> list[Finding]:
    found = []
    for one in await lanes_of(service, connection):
        what = tr("{service}, outbox {lane}", service=service.name, lane=one.lane)
        age = one.oldest_seconds or 0.0
        waiting = (
            tr("events waiting: {events}, the oldest for {age}", events=count(one.events), age=duration(age))
            if age
            else tr("no event waiting")
        )
        if one.relay == "frozen":
            found.append(
                wrong(
                    what,
                    tr(
                        "the relay has not moved for {beat_seconds}; {waiting}.",
                        beat_seconds=duration(one.beat_seconds or 0),
                        waiting=waiting,
                    ),
                )
            )
        elif one.relay == "none":
            found.append(
                wrong(
                    what,
                    tr("no relay is active ({waiting}). Is {service} running?", waiting=waiting, service=service.name),
                )
            )
        elif age > _LATE_SECONDS:
            found.append(wrong(what, tr("{waiting}. Does the log answer?", waiting=waiting)))
        else:
            found.append(ok(what, tr("a relay is active and no event waits for long.")))
        if one.unsent:
            refused = tr(
                "the log refused events; with those behind, events that wait for a person: {events}.",
                events=count(one.unsent),
            )
            found.append(
                wrong(
                    what,
                    tr(
                        "{refused} To list them: recobro unsent list --service {service}",
                        refused=refused,
                        service=service.name,
                    ),
                )
            )
    return found


async def _set_aside(service: Service, connection: Any) -> Finding:
    what = tr("{service}, set aside", service=service.name)
    keys, letters = await connection.fetchrow(_SET_ASIDE)
    if keys or letters:
        events = tr("events that wait for a person: {events} (keys: {keys}).", events=count(letters), keys=count(keys))
        return wrong(
            what,
            tr(
                "{events} To list them: recobro dead-letters list --service {service}",
                events=events,
                service=service.name,
            ),
        )
    return ok(what, tr("no event waits for a person."))
