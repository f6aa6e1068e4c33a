"""Computes which connections NetworkPolicies allow, as the Kubernetes documentation defines them.

Policies only add permissions. A connection is allowed if the sender may send it, or no policy selects the sender's
egress, and if the receiver may receive it, or no policy selects the receiver's ingress.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from deploy.cluster import Resource


@dataclass(frozen=True)
class Peer:
    """A sender or receiver: a pod, or without a namespace an address outside of all pods.

    ``ports`` are the ports on which it listens, by name. A name that ends in ``udp`` means that protocol.
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
    """Return every allowed connection: the sender, the receiver, and the name of the port."""
    about = {
        (direction, peer.name): [policy["spec"] for policy in policies if _selects_pod(policy, direction, peer)]
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
    """Whether a label selector selects these labels. An empty selector selects everything."""
    unknown = set(selector) - {"matchLabels", "matchExpressions"}
    assert not unknown, f"unsupported selector: {unknown}"
    wanted: Mapping[str, str] = selector.get("matchLabels", {})  # type: ignore[assignment]
    rules: Sequence[Mapping[str, object]] = selector.get("matchExpressions", ())  # type: ignore[assignment]
    assert all(rule["operator"] == "In" for rule in rules)
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(str(rule["key"])) in rule["values"]  # type: ignore[operator]
        for rule in rules
    )


def _selects_pod(policy: Resource, direction: str, peer: Peer) -> bool:
    return (
        policy["metadata"]["namespace"] == peer.namespace
        and direction in policy["spec"]["policyTypes"]
        and selects(policy["spec"]["podSelector"], peer.labels)
    )


def _lets(specs: Sequence[Resource], direction: str, namespace: str, other: Peer, receiver: Peer, port: str) -> bool:
    """Whether these policies, which select a pod in ``namespace``, allow the ``other`` side at the other end."""
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
        # Whether an IP block also covers pods depends on the network. This check assumes the worse case.
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
