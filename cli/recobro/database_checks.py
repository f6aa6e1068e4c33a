"""The checks of ``recobro doctor`` on each service's database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from recobro_platform import Service

from recobro import business_checks, migrate, targets
from recobro.finding import Finding, Verdict, ok, unknown, wrong
from recobro.outbox import lanes_of
from recobro.terminal import count, counted, duration

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
        found.append(wrong(f"{service.name}, database", f"the database {trouble.why}"))
    return found


async def _version(service: Service, connection: Any) -> Finding:
    what, version = f"{service.name}, database", await connection.fetchval("SHOW server_version")
    if int(await connection.fetchval("SHOW server_version_num")) < _OLDEST_POSTGRES:
        return wrong(what, f"PostgreSQL {version} is too old. 18 or newer is needed.")
    return ok(what, f"PostgreSQL {version.split()[0]} answers.")


def _schema(service: Service, dsn: str) -> Finding:
    what = f"{service.name}, schema"
    try:
        schema = migrate.look(service, dsn)
    except targets.DATABASE_TROUBLE as error:
        return unknown(what, f"the database {targets.why(error, dsn)}")
    if schema.outcome == "behind":
        return wrong(
            what, f"the revision is {schema.before}, and this release needs {schema.after}. Run: recobro migrate"
        )
    newer = ", from a newer release" if schema.outcome == "newer" else ""
    return ok(what, f"the revision is {schema.after}{newer}.")


async def _role(service: Service, connection: Any) -> Finding:
    what, role = f"{service.name}, role", await connection.fetchrow(_ROLE)
    if role["rolsuper"]:
        return wrong(what, f"{role['rolname']} is a superuser. Give the service a role that owns nothing.")
    if role["rolbypassrls"]:
        return wrong(what, f"{role['rolname']} bypasses row-level security. Remove BYPASSRLS from the role.")
    if role["owns_audit"]:
        return wrong(
            what,
            f"{role['rolname']} owns the audit table and could change it. Let the service work as a role that owns"
            " nothing, and set RECOBRO_OWNER_DATABASE_URL for migrations.",
        )
    return ok(what, f"{role['rolname']} is not a superuser, and owns no audit table.")


async def _settings(service: Service, connection: Any) -> list[Finding]:
    set_to = {row["name"]: row["setting"] for row in await connection.fetch(_SETTINGS)}
    what = f"{service.name}, settings"
    found = [
        wrong(what, f"{name} is {set_to[name]}, so acknowledged data can be lost in a crash. Set {name} to on.")
        for name, good in _LOSES.items()
        if set_to[name] not in good
    ]
    found += [
        wrong(what, f"{name} is 0 although the session has set it. Does a proxy drop the settings of sessions?")
        for name in _LIMITS
        if set_to[name] == "0"
    ]
    found += [
        wrong(what, f"{name} is set and would end the sessions of relays. Set {name} to 0 for the role.")
        for name in _CUTS
        if set_to[name] != "0"
    ]
    found += [
        wrong(what, f"{name} is {set_to[name]}, so the server's log can hold personal data. Set {name} to {good}.")
        for name, good in LOG_SETTINGS.items()
        if set_to[name] != good
    ]
    allowed = int(set_to["max_connections"]) - int(set_to["superuser_reserved_connections"])
    free = allowed - int(set_to["reserved_connections"]) - await connection.fetchval(_CONNECTIONS_TAKEN)
    if free < _CONNECTIONS_OF_A_PROCESS:
        need = f"A process of a service takes up to {_CONNECTIONS_OF_A_PROCESS}: raise max_connections."
        found.append(wrong(what, f"{count(free)} of {count(allowed)} connections are free. {need}"))
    return found or [ok(what, f"no commit is lost in a crash; {count(free)} of {count(allowed)} connections are free.")]


async def _clock(service: Service, connection: Any) -> Finding:
    what, before = f"{service.name}, clock", time.time()
    there = await connection.fetchval(_CLOCK)
    after = time.time()
    # The server answered at some moment between the two.
    skew = max(before - there, there - after, 0)
    if skew > _SKEW_SECONDS:
        return wrong(what, f"the database's clock and this machine's are {duration(skew)} apart. Set both by NTP.")
    return ok(what, "the database's clock agrees with this machine's.")


async def _outboxes(service: Service, connection: Any) -> list[Finding]:
    found = []
    for one in await lanes_of(service, connection):
        what = f"{service.name}, outbox {one.lane}"
        age = one.oldest_seconds or 0.0
        waiting = (
            f"{counted(one.events, 'event')} waiting, the oldest for {duration(age)}" if age else "no event waiting"
        )
        if one.relay == "frozen":
            found.append(wrong(what, f"the relay has not moved for {duration(one.beat_seconds or 0)}; {waiting}."))
        elif one.relay == "none":
            found.append(wrong(what, f"no relay is active ({waiting}). Is {service.name} running?"))
        elif age > _LATE_SECONDS:
            found.append(wrong(what, f"{waiting}. Does the log answer?"))
        else:
            found.append(ok(what, "a relay is active and no event waits for long."))
        if one.unsent:
            refused = f"the log refused events; {counted(one.unsent, 'event')} wait for a person, with those behind."
            found.append(wrong(what, f"{refused} To list them: recobro unsent list --service {service.name}"))
    return found


async def _set_aside(service: Service, connection: Any) -> Finding:
    what = f"{service.name}, set aside"
    keys, letters = await connection.fetchrow(_SET_ASIDE)
    if keys or letters:
        events = f"{counted(letters, 'event')} of {counted(keys, 'key')} wait for a person."
        return wrong(what, f"{events} To list them: recobro dead-letters list --service {service.name}")
    return ok(what, "no event waits for a person.")
