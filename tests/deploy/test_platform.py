"""PostgreSQL, the routes from outside, and monitoring."""

import json

import pytest
import yaml
from deploy.cluster import ROOT, Resource, built, named, of_kind
from recobro_platform import SERVICE_NAMES, service_named

pytestmark = pytest.mark.process

MONITORING = ROOT / "deploy" / "monitoring"


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_service_owns_a_database_of_its_name_and_nothing_else(service: str) -> None:
    name, database = service, service_named(service).database
    owned = named("Database", f"{name}-database")["spec"]
    assert (owned["name"], owned["owner"], owned["databaseReclaimPolicy"]) == (database, database, "retain")
    role = {**named("DatabaseRole", f"{name}-role")["spec"]}
    assert role.pop("connectionLimit") > 0
    # The role may only log in, and become the role of agencies' requests. It is no superuser, and inherits nothing.
    assert role == {
        "cluster": {"name": "postgres"},
        "name": database,
        "login": True,
        "inRoles": ["recobro_agency"],
        "inherit": False,
        "passwordSecret": {"name": f"{name}-postgres"},
    }
    secret = named("ExternalSecret", f"{name}-postgres")["spec"]
    assert secret["refreshPolicy"] == "CreatedOnce"
    made = secret["target"]["template"]["data"]
    assert (made["username"], made["password"]) == (database, "{{ .password }}")
    assert made["url"].replace(f'{{{{ $name := "{database}" }}}}', "").replace("{{ $name }}", database) == (
        f"postgresql://{database}:{{{{ .password }}}}@postgres-rw:5432/{database}"
        "?sslmode=verify-full&sslrootcert=/run/secrets/recobro/postgres-ca.crt"
    )


def test_nobody_logs_in_as_the_role_of_agencies_requests() -> None:
    role = named("DatabaseRole", "agency-role")["spec"]
    assert (role["name"], role["login"], role["connectionLimit"]) == ("recobro_agency", False, 0)


def test_postgres_has_three_instances_and_a_commit_is_on_two() -> None:
    spec = named("Cluster", "postgres")["spec"]
    assert spec["instances"] == 3
    assert spec["postgresql"]["synchronous"] == {"method": "any", "number": 1}
    assert spec["enableSuperuserAccess"] is False
    assert ":18." in spec["imageName"]
    assert "synchronous_commit" not in spec["postgresql"]["parameters"]
    assert spec["postgresql"]["pg_hba"] == ["hostssl sameuser all all scram-sha-256", "host all all all reject"]
    limits = [role["spec"]["connectionLimit"] for role in of_kind("DatabaseRole")]
    assert sum(limits) + 20 < int(spec["postgresql"]["parameters"]["max_connections"])


def test_postgres_has_nightly_backups_and_archives_its_wal() -> None:
    [store], [nightly] = of_kind("ObjectStore"), of_kind("ScheduledBackup")
    [plugin] = named("Cluster", "postgres")["spec"]["plugins"]
    assert plugin["isWALArchiver"] is True
    assert plugin["parameters"] == {"barmanObjectName": store["metadata"]["name"]}
    assert nightly["spec"]["pluginConfiguration"]["name"] == plugin["name"]
    assert len(nightly["spec"]["schedule"].split()) == 6
    assert store["spec"]["retentionPolicy"] == "30d"


def test_a_restore_changes_postgres_alone() -> None:
    def without_the_cluster(target: str) -> list[Resource]:
        return [one for one in built(target) if one["kind"] != "Cluster"]

    assert without_the_cluster("examples/restore") == without_the_cluster("overlays/production")
    spec = named("Cluster", "postgres", "examples/restore")["spec"]
    [before], [after] = spec["externalClusters"], spec["plugins"]
    assert set(spec["bootstrap"]) == {"recovery"}
    assert spec["bootstrap"]["recovery"]["source"] == before["name"]
    # By default a Cluster archives under its own name. It must not continue in the archive that it is restored from.
    assert before["plugin"]["parameters"] == {"barmanObjectName": "backups", "serverName": "postgres"}
    assert after["parameters"]["serverName"] != "postgres"
    same = spec | {"bootstrap": None, "externalClusters": None, "plugins": None}
    assert same == named("Cluster", "postgres")["spec"] | {"bootstrap": None, "externalClusters": None, "plugins": None}


def test_only_the_api_of_each_service_is_reachable_from_outside() -> None:
    routes = {route["metadata"]["name"]: route["spec"] for route in of_kind("HTTPRoute")}
    assert set(routes) == {f"{service}-api" for service in SERVICE_NAMES}
    [listener] = named("Gateway", "recobro")["spec"]["listeners"]
    assert (listener["hostname"], listener["protocol"]) == ("*.recobro.example", "HTTPS")
    for name, route in routes.items():
        assert route["hostnames"] == [f"{name.removesuffix('-api')}.recobro.example"]
        assert route["parentRefs"] == [{"name": "recobro", "sectionName": listener["name"]}]
        [rule] = route["rules"]
        assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v1"}}]
        assert rule["backendRefs"] == [{"name": name, "port": 80}]
        service = named("Service", name)["spec"]
        assert service["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]
        assert service["selector"] == named("Deployment", name)["spec"]["selector"]["matchLabels"]
    assert {service["metadata"]["name"] for service in of_kind("Service")} == set(routes)


def test_every_role_is_scraped_with_the_labels_that_the_rules_need() -> None:
    spec = named("PodMonitor", "recobro")["spec"]
    assert spec["jobLabel"] == "app.kubernetes.io/name"
    [endpoint] = spec["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"], endpoint["honorLabels"]) == ("http", "/metrics", True)
    [rule] = spec["selector"]["matchExpressions"]
    assert rule["values"] == ["api", "relay", "consumer"]


def test_the_cluster_has_the_alert_rules_of_the_folder() -> None:
    groups = [
        group
        for file in sorted((MONITORING / "rules").glob("*.yaml"))
        for group in yaml.safe_load(file.read_text()).get("groups", [])
    ]
    assert groups
    assert of_kind("PrometheusRule")[0]["spec"]["groups"] == groups, "run deploy/k8s/check --write"


def test_every_dashboard_is_in_the_cluster() -> None:
    dashboards = named("ConfigMap", "dashboards")
    assert dashboards["metadata"]["labels"]["grafana_dashboard"] == "1"
    there = {name: json.loads(text) for name, text in dashboards["data"].items()}
    assert there == {file.name: json.loads(file.read_text()) for file in (MONITORING / "dashboards").glob("*.json")}
