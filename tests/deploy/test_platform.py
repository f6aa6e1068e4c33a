"""PostgreSQL, the routes from outside, and monitoring."""

import json
import uuid

import asyncpg
import pytest
import yaml
from deploy.cluster import K8S, ROOT, Resource, built, named, of_kind
from recobro.postgres import EmbeddedPostgres
from recobro_platform import AGENCY_ROLE, CONSOLE, PROGRAMS, VERSION, Service

pytestmark = pytest.mark.process

OVERLAYS = ("overlays/production", "overlays/local")
MONITORING = ROOT / "deploy" / "monitoring"


@pytest.mark.parametrize("target", OVERLAYS)
@pytest.mark.parametrize("service", PROGRAMS, ids=lambda program: program.name)
def test_a_program_has_a_database_a_role_that_owns_it_and_one_that_works_in_it(service: Service, target: str) -> None:
    name, database = service.name, service.database
    owned = named("Database", f"{name}-database", target)["spec"]
    assert (owned["name"], owned["owner"], owned["databaseReclaimPolicy"]) == (database, database, "retain")
    # The roles may only log in. They are no superusers, and row-level security applies to them.
    common = {"cluster": {"name": "postgres"}, "login": True}
    assert named("DatabaseRole", f"{name}-role", target)["spec"] == common | {
        "name": database,
        "connectionLimit": 5,
        "passwordSecret": {"name": f"{name}-postgres"},
    }
    # No request of an agency runs in the console's database.
    rights = {"connectionLimit": 75} if service == CONSOLE else {"connectionLimit": 170, "inRoles": [AGENCY_ROLE]}
    assert named("DatabaseRole", f"{name}-service-role", target)["spec"] == common | rights | {
        "name": service.role,
        "inherit": False,
        "passwordSecret": {"name": f"{name}-postgres-service"},
    }
    for secret, role in ((f"{name}-postgres", database), (f"{name}-postgres-service", service.role)):
        spec = named("ExternalSecret", secret, target)["spec"]
        assert spec["refreshPolicy"] == "CreatedOnce"
        made = spec["target"]["template"]["data"]
        assert (made["username"], made["password"]) == (role, "{{ .password }}")
        assert made["url"].replace(f'{{{{ $name := "{database}" }}}}', "").replace("{{ $name }}", database) == (
            f"postgresql://{role}:{{{{ .password }}}}@postgres-rw:5432/{database}"
            "?sslmode=verify-full&sslrootcert=/run/secrets/recobro/postgres-ca.crt"
        )


def test_what_a_migration_needs_is_applied_with_it() -> None:
    """Without its role the migration would fail, and a role that comes later would have no rights."""
    applied = {
        (one["kind"], one["metadata"]["name"])
        for one in built("overlays/production")
        if one["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "migration"
    }
    assert applied == {("DatabaseRole", "agency-role"), ("ExternalSecret", "console-sign-in")} | {
        (kind, f"{program.name}-{name}")
        for program in PROGRAMS
        for kind, name in (
            ("DatabaseRole", "service-role"),
            ("ExternalSecret", "postgres-service"),
            ("Job", f"migrate-{VERSION}"),
        )
    }


@pytest.mark.parametrize("existed", [False, True], ids=["new role", "role without the membership"])
async def test_a_service_s_role_may_become_the_agencies_role_without_inheriting_it(
    postgres: EmbeddedPostgres, existed: bool
) -> None:
    """CloudNativePG can only write ``IN ROLE`` and a plain ``GRANT``, which follow the attribute of the member."""
    agency, service = (f"{name}_{uuid.uuid4().hex}" for name in ("agency", "service"))
    spec = named("DatabaseRole", "promises-service-role")["spec"]
    attribute = "INHERIT" if spec["inherit"] else "NOINHERIT"
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    try:
        await admin.execute(f"CREATE ROLE {agency} NOLOGIN")
        if existed:
            await admin.execute(f"CREATE ROLE {service} {attribute} LOGIN; GRANT {agency} TO {service}")
        else:
            await admin.execute(f"CREATE ROLE {service} {attribute} LOGIN IN ROLE {agency}")
        options = "SELECT inherit_option, set_option, admin_option FROM pg_auth_members WHERE member = $1::regrole"
        assert [tuple(row) for row in await admin.fetch(options, service)] == [(False, True, False)]
    finally:
        await admin.execute(f"DROP ROLE IF EXISTS {service}, {agency}")
        await admin.close()


def test_nobody_logs_in_as_the_role_of_agencies_requests() -> None:
    role = named("DatabaseRole", "agency-role")["spec"]
    assert (role["name"], role["login"], role["connectionLimit"]) == (AGENCY_ROLE, False, 0)


def test_postgres_has_three_instances_and_a_commit_is_on_two() -> None:
    spec = named("Cluster", "postgres")["spec"]
    assert spec["instances"] == 3
    assert spec["postgresql"]["synchronous"] == {"method": "any", "number": 1}
    assert spec["enableSuperuserAccess"] is False
    assert ":18." in spec["imageName"]
    assert "synchronous_commit" not in spec["postgresql"]["parameters"]
    limits = [role["spec"]["connectionLimit"] for role in of_kind("DatabaseRole") if role["spec"].get("login")]
    assert sum(limits) + 20 < int(spec["postgresql"]["parameters"]["max_connections"])


@pytest.mark.parametrize("target", OVERLAYS)
def test_postgres_lets_a_database_s_owner_and_service_in_and_nobody_else(target: str) -> None:
    assert named("Cluster", "postgres", target)["spec"]["postgresql"]["pg_hba"] == [
        *(f"hostssl {one.database} {one.database},{one.role} all scram-sha-256" for one in PROGRAMS),
        "host all all all reject",
    ]


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


def test_only_the_pages_of_the_console_and_the_api_of_each_service_are_reachable_from_outside() -> None:
    routes = {route["metadata"]["name"]: route["spec"] for route in of_kind("HTTPRoute")}
    assert set(routes) == {f"{program.name}-api" for program in PROGRAMS}
    [listener] = named("Gateway", "recobro")["spec"]["listeners"]
    assert (listener["hostname"], listener["protocol"]) == ("*.recobro.example", "HTTPS")
    for name, route in routes.items():
        assert route["hostnames"] == [f"{name.removesuffix('-api')}.recobro.example"]
        assert route["parentRefs"] == [{"name": "recobro", "sectionName": listener["name"]}]
        *hidden, rule = route["rules"]
        start = "/" if name == "console-api" else "/v1"
        assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": start}}]
        assert {match["path"]["value"] for one in hidden for match in one["matches"]} == (
            {"/metrics", "/livez", "/readyz", "/startupz"} if name == "console-api" else set()
        )
        assert all("backendRefs" not in one for one in hidden)
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


@pytest.mark.parametrize("target", [*OVERLAYS, "examples/agency", "examples/restore"])
def test_every_folder_is_built(target: str) -> None:
    """The kustomize of kubectl 1.32, the oldest that installs the manifests, ends at a deletion among other patches."""
    assert built(target)
    for kustomization in (K8S / target).glob("*.yaml"):
        documents = list(yaml.safe_load_all(kustomization.read_text()))
        assert len(documents) == 1 or not any("$patch" in document for document in documents), kustomization
