"""The network policies allow exactly the connections of the architecture."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from ipaddress import IPv4Address
from itertools import count
from typing import Any

import pytest
from deploy.cluster import Resource, containers, of_kind, pod_templates
from deploy.policies import Peer, connections
from recobro_platform import PROGRAMS, SERVICE_NAMES, VERSION

pytestmark = pytest.mark.process

OURS = "recobro"
ROLES = ("api", "relay", "consumer")
OVERLAYS = ("overlays/production", "overlays/local")

Arrow = tuple[str, str, str]


def our_pods(target: str, addresses: Iterator[str]) -> Iterator[Peer]:
    """Yield the pods of these resources, named ``<service>-<role>`` or like the job, with their declared ports."""
    for name, pod in pod_templates(target):
        ports = {port["name"]: port["containerPort"] for one in containers(pod) for port in one.get("ports", ())}
        short = name.split()[1].split(f"-{VERSION}")[0]
        yield Peer(short, OURS, next(addresses), pod["metadata"]["labels"], ports)


def operators_pods(addresses: Iterator[str]) -> Iterator[Peer]:
    """Yield the pods that the operators run in our namespace, with their labels and ports."""
    instance = {"cnpg.io/cluster": "postgres", "cnpg.io/podRole": "instance"}
    node = {"strimzi.io/cluster": OURS, "strimzi.io/kind": "Kafka", "strimzi.io/name": "recobro-kafka"}
    broker = node | {"strimzi.io/broker-role": "true", "strimzi.io/pool-name": "brokers"}
    controller = node | {"strimzi.io/controller-role": "true", "strimzi.io/broker-role": "false"}
    entity = node | {"strimzi.io/name": "recobro-entity-operator"}
    for name in ("postgres-1", "postgres-2"):
        yield Peer(name, OURS, next(addresses), instance, {"sql": 5432, "status": 8000, "metrics": 9187})
    for name in ("broker-1", "broker-2"):
        ports = {"replication": 9091, "clients": 9093, "agent": 8443, "metrics": 9404}
        yield Peer(name, OURS, next(addresses), broker, ports)
    yield Peer("controller", OURS, next(addresses), controller, {"control": 9090, "agent": 8443, "metrics": 9404})
    yield Peer("entity-operator", OURS, next(addresses), entity)
    # Any other pod in the namespace.
    yield Peer("unknown", OURS, next(addresses), ports={"http": 8080})


def others(addresses: Iterator[str]) -> Iterator[Peer]:
    """Yield pods of other namespaces, and addresses that belong to no pod."""

    def pod(name: str, namespace: str, labels: dict[str, str], **ports: int) -> Peer:
        return Peer(name, namespace, next(addresses), labels, ports)

    yield pod("gateway", "envoy-gateway-system", {"app.kubernetes.io/managed-by": "envoy-gateway"}, web=10443)
    yield pod("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}, web=9090)
    yield pod("grafana", "monitoring", {"app.kubernetes.io/name": "grafana"}, web=3000)
    yield pod("keda", "keda", {"app.kubernetes.io/name": "keda-operator"}, web=9666)
    yield pod("cnpg", "cnpg-system", {"app.kubernetes.io/name": "cloudnative-pg"}, web=9443)
    yield pod("strimzi", "strimzi-system", {"strimzi.io/kind": "cluster-operator"}, web=8080)
    yield pod("collector", "observability", {"app.kubernetes.io/name": "otel-collector"}, grpc=4317, http=4318)
    yield pod("dns", "kube-system", {"k8s-app": "kube-dns"}, udp=53, tcp=53)
    yield pod("stranger", "default", {"app.kubernetes.io/part-of": "recobro"}, http=80, https=443, sql=5432)
    yield Peer("kubernetes", None, "192.168.10.1", ports={"service": 443, "server": 6443})
    yield Peer("store", None, "203.0.113.7", ports={"https": 443, "ssh": 22})
    yield Peer("neighbour", None, "172.16.9.9", ports={"https": 443})
    yield Peer("metadata", None, "169.254.169.254", ports={"http": 80, "https": 443})


def strimzis_policy(kafka: Resource) -> Resource:
    """Return the policy that Strimzi makes for a ``Kafka``: internal ports, listeners for their peers, open metrics."""
    operator = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"strimzi.io/kind": "cluster-operator"}}}
    nodes = {"podSelector": {"matchLabels": {"strimzi.io/name": "recobro-kafka"}}}
    entity = {"podSelector": {"matchLabels": {"strimzi.io/name": "recobro-entity-operator"}}}
    rules: list[Resource] = [
        {"from": [nodes, operator], "ports": [{"port": 9090}]},
        {"from": [nodes, operator, entity], "ports": [{"port": 9091}]},
        {"from": [operator], "ports": [{"port": 8443}]},
        {"ports": [{"port": 9404}]},
    ]
    rules += [
        {"from": listener.get("networkPolicyPeers"), "ports": [{"port": listener["port"]}]}
        for listener in kafka["spec"]["kafka"]["listeners"]
    ]
    return {
        "metadata": {"namespace": OURS},
        "spec": {"podSelector": nodes["podSelector"], "policyTypes": ["Ingress"], "ingress": rules},
    }


def all_peers(target: str) -> list[Peer]:
    addresses = (str(IPv4Address("10.0.0.0") + n) for n in count(1))
    return [*our_pods(target, addresses), *operators_pods(addresses), *others(addresses)]


def allowed(policies: Sequence[Resource], peers: Sequence[Peer]) -> set[Arrow]:
    """Return every allowed connection that begins or ends in our namespace."""
    ours = {peer.name for peer in peers if peer.namespace == OURS}
    return {arrow for arrow in connections(policies, peers) if ours & {*arrow[:2]}}


def intended(peers: Sequence[Peer]) -> set[Arrow]:
    """Return the connections of the architecture."""
    apis = {f"{service}-api" for service in SERVICE_NAMES}
    running = {f"{service}-{role}" for service in SERVICE_NAMES for role in ROLES} | {"console-api"}
    migrations = {f"{program.name}-migrate" for program in PROGRAMS}
    postgres = ("postgres-1", "postgres-2")
    brokers = ("broker-1", "broker-2")
    nodes = (*brokers, "controller")
    here = {peer.name for peer in peers if peer.namespace == OURS}

    arrows = {("gateway", api, "http") for api in {*apis, "console-api"}}
    arrows |= {("console-api", api, "http") for api in apis}
    arrows |= {("prometheus", pod, "http") for pod in running}
    arrows |= {("operations", api, "http") for api in {*apis, "console-api"}}
    arrows |= {(job, "portfolio-api", "http") for job in ("staging", "promise-checks", "lists")}
    arrows |= {("promise-checks", "promises-api", "http"), ("lists", "dialer-feed-api", "http")}
    arrows |= {(pod, one, "sql") for pod in {*running, *migrations, "operations"} for one in postgres}
    arrows |= {(pod, one, "clients") for pod in {*running, "operations", "keda"} for one in brokers}
    arrows |= {(pod, "collector", "http") for pod in running}
    arrows |= {(pod, "dns", port) for pod in here for port in ("udp", "tcp")}
    # The identity provider is outside too.
    arrows |= {(f"{one}-api", "store", "https") for one in ("field-visits", "portfolio", "console")}

    arrows |= {(a, b, port) for a in postgres for b in postgres if a != b for port in ("sql", "status")}
    arrows |= {("cnpg", one, "status") for one in postgres} | {("prometheus", one, "metrics") for one in postgres}
    arrows |= {(one, "store", "https") for one in postgres}
    arrows |= {
        (one, "kubernetes", port) for one in (*postgres, *nodes, "entity-operator") for port in ("service", "server")
    }

    arrows |= {(node, "controller", "control") for node in brokers}
    arrows |= {(node, broker, "replication") for node in nodes for broker in brokers if node != broker}
    arrows |= {("entity-operator", broker, "replication") for broker in brokers}
    arrows |= {("strimzi", broker, "replication") for broker in brokers} | {("strimzi", "controller", "control")}
    arrows |= {("strimzi", node, "agent") for node in nodes}
    # Strimzi's own policy opens its metrics to every pod whose own egress allows the connection.
    outside = [peer.name for peer in peers if peer.namespace != OURS]
    arrows |= {(one, node, "metrics") for one in outside for node in nodes}

    # No selector matches Kubernetes' API, so pods that may connect to it may connect to any address with that port.
    api_clients = (*postgres, *nodes, "entity-operator")
    arrows |= {(one, where, "https") for one in api_clients for where in ("store", "stranger", "neighbour")}
    return arrows


@pytest.mark.parametrize("target", OVERLAYS)
def test_exactly_the_intended_connections_are_allowed(target: str) -> None:
    peers = all_peers(target)
    policies = [*of_kind("NetworkPolicy", target), *map(strimzis_policy, of_kind("Kafka", target))]
    found, wanted = allowed(policies, peers), intended(peers)
    assert sorted(found - wanted) == []
    assert sorted(wanted - found) == []


def test_every_policy_is_needed() -> None:
    """Without any of them some connection fails, or without the denial too many are allowed."""
    target = "overlays/production"
    peers, policies = all_peers(target), of_kind("NetworkPolicy", target)
    strimzi = [*map(strimzis_policy, of_kind("Kafka", target))]
    wanted = intended(peers)
    idle = [
        policy["metadata"]["name"]
        for policy in policies
        if allowed([one for one in policies if one is not policy] + strimzi, peers) == wanted
    ]
    assert idle == []


def lists_in(part: Any, where: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield every list of rules, peers, ports or values in a policy. A single peer or port belongs to its rule."""
    for key, value in part.items() if isinstance(part, dict) else enumerate(part):
        if isinstance(value, list) and (len(value) > 1 or key in ("ingress", "egress")):
            yield f"{where}.{key}", value
        if isinstance(value, dict | list):
            yield from lists_in(value, f"{where}.{key}")


def test_every_entry_of_a_policy_is_needed() -> None:
    """Without any entry some connection fails. An unneeded entry could make a later mistake dangerous."""
    target = "overlays/production"
    peers, policies = all_peers(target), deepcopy(of_kind("NetworkPolicy", target))
    strimzi = [*map(strimzis_policy, of_kind("Kafka", target))]
    wanted, idle = intended(peers), []
    for policy in policies:
        spec = {key: value for key, value in policy["spec"].items() if key != "policyTypes"}
        for where, items in lists_in(spec, policy["metadata"]["name"]):
            for position in range(len(items)):
                item = items.pop(position)
                if allowed([*policies, *strimzi], peers) == wanted:
                    idle.append((where, item))
                items.insert(position, item)
    assert idle == []
