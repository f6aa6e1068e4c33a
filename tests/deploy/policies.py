"""What NetworkPolicies let through, decided as the Kubernetes documentation describes them.

Policies only add: a connection goes through when the sender may send it (or no policy of its namespace is about what it
sends) and the receiver may receive it (likewise).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from deploy.cluster import Resource


@dataclass(frozen=True)
class Peer:
    """Somebody who sends or receives: a pod, or, without a namespace, an address outside of all pods.

    ``ports`` are those on which it listens, by the name of each; one that ends in ``udp`` is of that protocol.
    """

    name: str
    namespace: str | None
    address: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    ports: Mapping[str, int] = field(default_factory=dict, hash=False)

    @property
    def namespace_labels(self) -> Mapping[str, str]:
        return {"kubernetes.io/metadata.name": self.namespace or ""}


def connections(policies: Sequence[Resource], peers: Sequence[Peer]) -> set[tuple[str, str, str]]:
    """Every connection that goes through: who begins it, who is meant, and the name of the port."""
    about = {
        (direction, peer.name): [policy["spec"] for policy in policies if _is_about(policy, direction, peer)]
        for direction in ("Egress", "Ingress")
        for peer in peers
    }
    return {
        (sender.name, receiver.name, port)
        for sender in peers
        for receiver in peers
        for port in receiver.ports
        if sender != receiver
        and _lets(about["Egress", sender.name], "egress", str(sender.namespace), receiver, receiver, port)
        and _lets(about["Ingress", receiver.name], "ingress", str(receiver.namespace), sender, receiver, port)
    }


def selects(selector: Mapping[str, object], labels: Mapping[str, str]) -> bool:
    """Whether a label selector is about these labels; an empty one is about all."""
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, f"not understood: {unknown}"
    wanted: Mapping[str, str] = selector.get("matchLabels", {})  # type: ignore[assignment]
    rules: Sequence[Mapping[str, object]] = selector.get("matchExpressions", ())  # type: ignore[assignment]
    assert all(rule["operator"] == "In" for rule in rules)
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(str(rule["key"])) in rule["values"]  # type: ignore[operator]
        for rule in rules
    )


def _is_about(policy: Resource, direction: str, peer: Peer) -> bool:
    return (
        policy["metadata"]["namespace"] == peer.namespace
        and direction in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], peer.labels)
    )


def _lets(specs: Sequence[Resource], direction: str, namespace: str, other: Peer, receiver: Peer, port: str) -> bool:
    """Whether these, which are about one side's pod in ``namespace``, let the ``other`` side be on the other end."""
    side = "to" if direction == "egress" else "from"
    return not specs or any(
        _names(rule.get("ports"), receiver, port) and _is_among(rule.get(side), other, namespace)
        for spec in specs
        for rule in spec.get(direction, ())
    )


def _is_among(peers: Sequence[Resource] | None, other: Peer, namespace: str) -> bool:
    return not peers or any(_is(peer, other, namespace) for peer in peers)


def _is(peer: Resource, other: Peer, namespace: str) -> bool:
    if block := peer.get("ipBlock"):
        # Whether a block is also about pods depends on the network; we suppose the worse.
        address = ip_address(other.address)
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(one) for one in block.get("except", ())
        )
    if other.namespace is None:
        return False
    if "namespaceSelector" in peer:
        where = selects(peer["namespaceSelector"], other.namespace_labels)
    else:
        where = other.namespace == namespace
    return where and selects(peer.get("podSelector", {}), other.labels)


def _names(ports: Sequence[Resource] | None, receiver: Peer, port: str) -> bool:
    number = receiver.ports[port]
    return not ports or any(
        rule["port"] in (port, number) and rule.get("protocol", "TCP") == ("UDP" if port.endswith("udp") else "TCP")
        for rule in ports
    )
