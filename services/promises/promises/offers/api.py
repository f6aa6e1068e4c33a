"""HTTP routes for offers and their rules."""

from typing import Annotated
from uuid import UUID

from chassis import CurrentPrincipal, ReadConnection, Router, WriteTransaction, reads, writes
from fastapi import Query
from recobro_events.contracts.promises import MadeIn

from promises.offers import finding, ruling, trying
from promises.offers.finding import Offers
from promises.offers.models import OfferRulesPut
from promises.offers.ruling import OfferRules
from promises.offers.trying import Trial, TrialResult

router = Router(prefix="/v1", tags=["offers"])


@router.get("/offers", dependencies=[reads("promises")])
async def list_offers(
    contract_id: UUID,
    reader: ReadConnection,
    channel: Annotated[MadeIn | None, Query(description="The way in which the debtor is asked")] = None,
) -> Offers:
    """Return what may be offered on a contract now, each with its amounts, days and price, and why."""
    return await finding.offers_on(reader, contract_id, channel)


@router.get("/offer-rules", dependencies=[reads("promises")])
async def read_offer_rules(reader: ReadConnection) -> OfferRules:
    """Return the rules of offers in force."""
    return await ruling.in_force(reader)


@router.put("/offer-rules", dependencies=[writes("promises")])
async def put_offer_rules(new: OfferRulesPut, tx: WriteTransaction, who: CurrentPrincipal) -> OfferRules:
    """Replace all rules of offers. An offer that was made before keeps its terms while it is valid.

    409 `rules-changed` if the rules in force are not those that ``replaces`` names.
    """
    return await ruling.put(tx, who, new)


@router.post("/offer-rules/trial", dependencies=[writes("promises")])
async def try_offer_rules(trial: Trial, tx: WriteTransaction) -> TrialResult:
    """Try rules on a sample of a portfolio: how many offers they make, and what these are worth. Nothing changes."""
    return await trying.tried(tx, trial)
