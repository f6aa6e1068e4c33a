"""The routes of all acts on a contract: a form, and what it does."""

from collections.abc import Mapping
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.responses import Response

from recobro_console import forms
from recobro_console.calls import Trouble
from recobro_console.contracts import (
    acts,
    agreeing,
    disputing,
    linking,
    parties,
    pauses,
    people,
    promising,
    reaching,
)
from recobro_console.contracts.acts import Act, Gone, Subject
from recobro_console.contracts.names import may_change
from recobro_console.pages import EVERYBODY, CurrentPage, NotYours, Page, Router

ACTS: Mapping[str, Act] = {
    **acts.ACTS,
    **disputing.ACTS,
    **reaching.ACTS,
    **parties.ACTS,
    **promising.ACTS,
    **agreeing.ACTS,
    **linking.ACTS,
    **people.ACTS,
    **pauses.ACTS,
}
"""Every act on a contract, by the name in its path."""
router = Router(EVERYBODY)


async def _known(page: Page, contract_id: UUID, name: str, of: str) -> tuple[Act, Subject]:
    act = ACTS.get(name)
    if act is None:
        raise HTTPException(404)
    if not may_change(page, act.service):
        raise NotYours
    contract = await page.services.get("portfolio", f"/v1/contracts/{contract_id}")
    return act, Subject(contract, of)


@router.get("/contracts/{contract_id}/{name}")
async def form(contract_id: UUID, name: str, page: CurrentPage, of: UUID | None = None) -> Response:
    """Show the form of an act. ``of`` is the payment, dispute, pause or other part that it is about."""
    act, subject = await _known(page, contract_id, name, str(of or ""))
    try:
        return forms.show(page, await act.reads(page, subject))
    except Gone:
        raise HTTPException(404) from None


@router.post("/contracts/{contract_id}/{name}")
async def act_on(contract_id: UUID, name: str, page: CurrentPage, of: UUID | None = None) -> Response:
    """Do it, and go back to the contract. A refusal is shown above the form, which keeps the typed text."""
    act, subject = await _known(page, contract_id, name, str(of or ""))
    values = await page.form()
    try:
        return await act.does(page, subject, values)
    except Trouble as trouble:
        try:
            asked = await act.reads(page, subject)
        except Gone:
            raise HTTPException(404) from None
        return forms.show(page, asked, values, trouble, act.places(subject, values))
