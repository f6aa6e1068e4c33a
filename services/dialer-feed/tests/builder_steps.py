"""The builder's steps, one at a time, for tests that act between two steps."""

from uuid import UUID

from dialer_feed.lists import building
from dialing_scene import DAY, Scene

STEPS = ("requested", "claimed", "cleared", "gathered", "waited", "published")


async def run_steps(scene: Scene, list_id: UUID, first: str, last: str) -> None:
    """Run the builder's steps after ``first``, up to and including ``last``."""
    database, builder = scene.database, scene.builder
    for step in STEPS[STEPS.index(first) + 1 : STEPS.index(last) + 1]:
        match step:
            case "claimed":
                await building.claim(database, list_id, builder)
            case "cleared":
                await building.clear(database, list_id, builder)
            case "gathered":
                await building.gather(database, list_id, builder)
            case "waited":
                await building.wait_for_silencers(database)
            case "published":
                await building.publish(database, list_id, scene.campaign_id, DAY, builder)
