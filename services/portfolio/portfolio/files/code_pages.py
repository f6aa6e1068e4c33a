"""A file whose code page is not sure waits, and shows its words in each code page. A person says which is right."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from chassis import Conflict, FieldError, Invalid
from recobro_events import Row, Transaction

from portfolio import metrics
from portfolio.files import queries, views
from portfolio.files.views import Confirmation, ConfirmationReason, FileView
from portfolio.files.work import Work
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import PortfolioSettings
from portfolio.tabular.code_pages import Reading

_REFUSED = "An operator did not confirm in which code page this file is. Save it as CSV in UTF-8."


def waits(file: Row) -> bool:
    """Whether the file waits for its code page."""
    return (file["status"], file["confirmation_reason"]) == ("needs_confirmation", ConfirmationReason.CODE_PAGE)


async def ask(tx: Transaction, work: Work, readings: Sequence[Reading]) -> None:
    """Let the file wait. The words that it shows are deleted with the answer."""
    shown = [{"code_page": reading.code_page, "words": list(reading.words)} for reading in readings]
    await tx.execute(queries.ASK_CODE_PAGE, work.file_id, shown)


async def answer(tx: Transaction, file_id: UUID, confirmation: Confirmation) -> FileView:
    """Let the file be read in the given code page, or fail. A repeated answer changes nothing.

    Raises ``Conflict`` when the file does not wait for this, and ``Invalid`` when it is accepted without a code page.
    """
    portfolio_id = await tx.fetchval(queries.PORTFOLIO_OF, file_id)
    await portfolios.locked(tx, portfolio_id)
    file = await tx.fetchrow(queries.LOCKED, file_id)
    assert file is not None
    if not waits(file):
        if confirmation.accept and file["code_page"] == confirmation.code_page:
            return await views.find(tx, file_id)
        raise Conflict("This file does not wait for its code page.", code="nothing-to-confirm")
    if not confirmation.accept:
        await tx.execute(queries.REFUSE, file_id)
        seconds = await tx.fetchval(queries.FAIL, file_id, "not_confirmed", _REFUSED)
        tx.after_commit(partial(metrics.file_ended, "refused", seconds))
        return await views.find(tx, file_id)
    if confirmation.code_page is None:
        missing = FieldError("/code_page", "is needed: say in which of the code pages the words are right")
        raise Invalid("Say in which code page the file is.", code="code-page-needed", errors=[missing])
    await tx.execute(queries.READ_AGAIN, file_id, confirmation.code_page)
    if confirmation.remember:
        await portfolios.change(tx, portfolio_id, PortfolioSettings(code_page=confirmation.code_page))
    return await views.find(tx, file_id)
