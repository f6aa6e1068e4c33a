"""A cluster of Kafka brokers."""

from collections.abc import Sequence
from pathlib import Path

from recobro.kafka import LocalKafka, new_cluster_id
from recobro.postgres import free_port


def cluster(folder: Path, jars: Path, size: int = 3) -> tuple[LocalKafka, ...]:
    """Return the brokers of one cluster. Start them together. Up to three brokers store each record.

    With three brokers, any one may be down, because a record counts as written once two brokers have it.
    """
    ports = [(free_port(), free_port()) for _ in range(size)]
    voters = ",".join(f"{node}@127.0.0.1:{controller}" for node, (_, controller) in enumerate(ports, start=1))
    copies = str(min(3, size))
    shared = {"controller.quorum.voters": voters, "offsets.topic.replication.factor": copies}
    cluster_id = new_cluster_id()
    return tuple(
        LocalKafka(
            folder / f"broker-{node}",
            port,
            jars,
            settings={
                **shared,
                "node.id": str(node),
                "listeners": f"BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}",
            },
            cluster_id=cluster_id,
        )
        for node, (port, controller) in enumerate(ports, start=1)
    )


def start_together(brokers: Sequence[LocalKafka]) -> None:
    """Start the brokers of a cluster and wait until all serve."""
    for broker in brokers:
        broker.launch()
    for broker in brokers:
        broker.wait_until_it_serves()
