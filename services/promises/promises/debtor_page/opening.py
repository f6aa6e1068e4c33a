"""Opening a link: who holds it proves who they are, once, and has the page for half an hour.

A link that was guessed, used, revoked or is over is not found, whatever the reason, and so is its session. All of it
is judged anew with every request, and under the contract's lock with every change.
"""

from dataclasses import dataclass
from datetime import datetime

from chassis import Principal, Reader, clock
from projections import contracts
from recobro_events import Row, Transaction

from promises import metrics
from promises.debtor_page import digests, queries
from promises.debtor_page.identifying import Answers, fits
from promises.debtor_page.rules import MOST_TRIES, SESSION_LIFE

ACTOR = "debtor by link"
WRONG_ANSWERS = "wrong_answers"


@dataclass(frozen=True)
class SignedIn:
    """Somebody has proved who they are. ``session`` is the value of their cookie."""

    session: str


@dataclass(frozen=True)
class Wrong:
    """The answers do not fit, and may be given anew so many times."""

    link: Row
    tries_left: int


def actor_of(link: Row) -> Principal:
    """Who acts on the page: nobody's account, by this link."""
    return Principal(subject=ACTOR, scopes=frozenset(), token_id=str(link["link_id"]), client="debtor-page")


async def unused(reader: Reader, token: str) -> Row | None:
    """Return the link of this token, if it can still be opened."""
    link = await reader.fetchrow(queries.BY_TOKEN, digests.of_token(token))
    is_unused = link is not None and link["signed_in_at"] is None and clock.now() < link["expires_at"]
    return link if is_unused else None


async def opened(reader: Reader, session: str) -> Row | None:
    """Return the link that this session has opened, if the page is still alive."""
    link = await reader.fetchrow(queries.BY_SESSION, digests.of_token(session))
    return link if link is not None and clock.now() < link["session_until"] else None


async def locked(tx: Transaction, session: str) -> Row | None:
    """Lock the contract and the link of this session, and return the link as ``opened`` does."""
    found = await opened(tx, session)
    if found is None:
        return None
    await _lock(tx, found)
    return await opened(tx, session)


async def sign_in(tx: Transaction, token: str, form: str, answers: Answers) -> SignedIn | Wrong | None:
    """Open a link for somebody who proves who they are. None for a link that cannot be opened, or not any more.

    The same form twice opens the same session, and the same wrong answers count once: people click twice.
    """
    found = await tx.fetchrow(queries.BY_TOKEN, digests.of_token(token))
    if found is None:
        return None
    await _lock(tx, found)
    link = await tx.fetchrow(queries.BY_TOKEN, digests.of_token(token))
    if link is None:
        return None
    now, key = clock.now(), await digests.known_key(tx)
    session = digests.signed(key, "session", token, form)
    if not _may_sign_in(link, session, now):
        return None
    if not fits(key, link, answers):
        return await _refuse(tx, link, digests.signed(key, "try", form, *(answer or "" for answer in answers)), now)
    if link["signed_in_at"] is None:
        values = (now, digests.of_token(session), now + SESSION_LIFE)
        await tx.execute(queries.SIGN_IN, link["link_id"], *values)
        tx.after_commit(metrics.PAGE_IDENTITIES.labels("right").inc)
    return SignedIn(session)


def _may_sign_in(link: Row, session: str, now: datetime) -> bool:
    if link["signed_in_at"] is None:
        return bool(now < link["expires_at"])
    return bool(link["session_digest"] == digests.of_token(session) and now < link["session_until"])


async def _refuse(tx: Transaction, link: Row, tried: str, now: datetime) -> Wrong | None:
    known: list[str] = link["tried"]
    if tried not in known:
        await tx.execute(queries.TRY, link["link_id"], tried)
        known = [*known, tried]
        tx.after_commit(metrics.PAGE_IDENTITIES.labels("wrong").inc)
    if len(known) < MOST_TRIES:
        return Wrong(link, MOST_TRIES - len(known))
    await tx.execute(queries.END, link["link_id"], now, WRONG_ANSWERS)
    tx.after_commit(metrics.PAGE_IDENTITIES.labels("locked").inc)
    return None


async def _lock(tx: Transaction, link: Row) -> None:
    await contracts.lock(tx, [link["contract_id"]])
    await tx.execute(queries.LOCK, link["link_id"])
