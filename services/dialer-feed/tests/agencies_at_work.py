"""Two agencies, each with a contract, a campaign, a list and a token, for dialer-feed's tests."""

import uuid
from dataclasses import dataclass
from uuid import UUID

import httpx
from chassis.testing import mint
from dialing_agencies import Placement
from dialing_scene import Contract, Scene

Headers = dict[str, str]


@dataclass
class Agency:
    agency_id: UUID
    headers: Headers
    contract: Contract
    placement: Placement
    campaign_id: UUID
    list_id: UUID


async def two_agencies(scene: Scene, client: httpx.AsyncClient) -> tuple[Agency, Agency]:
    """Two agencies, each with a contract, a campaign that an operator made, and the list of the day."""
    made = []
    for contract in await scene.contracts(2):
        agency_id = uuid.uuid4()
        placement = Placement(contract.contract_id, agency_id)
        await scene.receives(placement.placed())
        answer = await client.post("/v1/campaigns", json={"name": "Agencia", "agency_id": str(agency_id)})
        assert answer.status_code == 201, answer.text
        assert answer.json()["agency_id"] == str(agency_id)
        campaign_id = UUID(answer.json()["campaign_id"])
        token = {"Authorization": f"Bearer {mint(agency_id=agency_id, subject=f'dialer of {agency_id}')}"}
        list_id = await scene.built(campaign_id=campaign_id)
        made.append(Agency(agency_id, token, contract, placement, campaign_id, list_id))
    return made[0], made[1]
