"""Every pod has probes, resource limits and few rights, and each of its settings and files exists."""

import re
from itertools import chain, pairwise

import pytest
from chassis import Settings
from chassis.settings import variable_of
from deploy.cluster import ROOT, Resource, containers, named, of_kind, pod_templates
from recobro.log_settings import program_of
from recobro_console.settings import ConsoleSettings
from recobro_platform import CONSOLE, PROGRAMS, SERVICE_NAMES, SERVICES, service_named

pytestmark = pytest.mark.process

OVERLAYS = ("overlays/production", "overlays/local")
ROLES = ("api", "relay", "consumer")
PROGRAM_NAMES = tuple(program.name for program in PROGRAMS)
# Settings of the operations image; cli/recobro reads them.
OPERATIONS = {"RECOBRO_TOKEN_FILE", "RECOBRO_URL"} | {
    f"RECOBRO_{service.package.upper()}_DATABASE_URL_FILE" for service in SERVICES
}

every_overlay = pytest.mark.parametrize("target", OVERLAYS)


def roles(target: str) -> list[Resource]:
    return [one for one in of_kind("Deployment", target) if one["metadata"]["name"] != "operations"]


def settings_of(program: str) -> type[Settings]:
    return ConsoleSettings if program == CONSOLE.name else program_of(service_named(program)).settings


def variables_of(settings: type[Settings]) -> set[str]:
    """Return every environment variable of these settings."""
    return {
        name
        for field, about in settings.model_fields.items()
        for name in (variable_of(field), *([] if about.repr else [f"{variable_of(field)}_FILE"]))
    }


def environment_of(pod: Resource, target: str) -> dict[str, str]:
    """Return the environment of a pod, as far as the manifests contain it."""
    [container] = containers(pod)
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            found |= named("ConfigMap", source["configMapRef"]["name"], target)["data"]
    return found | {one["name"]: one["value"] for one in container.get("env", ())}


def secret_files(pod: Resource) -> dict[str, str]:
    """Return the secret of every file that is mounted from one, by the file's path."""
    [container] = containers(pod)
    folders = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    return {
        f"{folders[volume['name']]}/{item['path']}": source["secret"]["name"]
        for volume in pod["spec"]["volumes"]
        for source in volume.get("projected", {}).get("sources", ())
        for item in source["secret"]["items"]
    }


@every_overlay
def test_only_a_migration_works_as_the_owner_of_the_tables(target: str) -> None:
    for name, pod in pod_templates(target):
        environment, files = environment_of(pod, target), secret_files(pod)
        service = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        addresses = {
            variable: files[file] for variable, file in environment.items() if variable.endswith("DATABASE_URL_FILE")
        }
        of_owners = {secret for secret in files.values() if secret.endswith("-postgres")}
        if service not in PROGRAM_NAMES:
            of_services = {
                f"RECOBRO_{one.package.upper()}_DATABASE_URL_FILE": f"{one.name}-postgres-service" for one in SERVICES
            }
            assert (addresses, of_owners) == (of_services if service == "operations" else {}, set()), name
            continue
        wanted = {"RECOBRO_DATABASE_URL_FILE": f"{service}-postgres-service"}
        if name.startswith("Job "):
            wanted["RECOBRO_OWNER_DATABASE_URL_FILE"] = f"{service}-postgres"
        assert addresses == wanted, name
        assert of_owners == set(wanted.values()) - {f"{service}-postgres-service"}, name


@every_overlay
def test_every_service_has_its_roles_and_its_migration(target: str) -> None:
    names = {one["metadata"]["name"] for one in roles(target)}
    assert names == {f"{service}-{role}" for service in SERVICE_NAMES for role in ROLES} | {"console-api"}
    jobs = {one["metadata"]["name"] for one in of_kind("Job", target)}
    version = re.search(r"(?m)^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text())
    assert version is not None
    assert jobs == {f"{program}-migrate-{version[1]}" for program in PROGRAM_NAMES}


@every_overlay
def test_every_pod_runs_the_image_of_its_version(target: str) -> None:
    images = {container["image"] for _, pod in pod_templates(target) for container in containers(pod)}
    assert {image.split(":")[0] for image in images} == {f"recobro/{name}" for name in (*PROGRAM_NAMES, "operations")}
    assert len({image.partition(":")[2] for image in images}) == 1
    assert not [image for image in images if image.endswith((":", ":latest", "VERSION"))]


@every_overlay
def test_the_probes_of_a_role_use_the_port_of_its_service(target: str) -> None:
    for deployment in roles(target):
        service, _, role = deployment["metadata"]["name"].rpartition("-")
        [container] = containers(deployment["spec"]["template"])
        assert container["args"] == (["all"] if service == CONSOLE.name else [role])
        [port] = [program.port for program in PROGRAMS if program.name == service]
        assert container["ports"] == [{"name": "http", "containerPort": port}]
        probes = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        assert probes == {
            "startup": {"path": "/startupz", "port": "http"},
            "liveness": {"path": "/livez", "port": "http"},
            "readiness": {"path": "/readyz", "port": "http"},
        }


@every_overlay
def test_a_role_is_replaced_without_a_gap(target: str) -> None:
    for deployment in roles(target):
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        pod = deployment["spec"]["template"]["spec"]
        pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert pause + 25 < pod["terminationGracePeriodSeconds"] == 40
        # The API server refuses a label that is in both.
        for spread in pod.get("topologySpreadConstraints", ()):
            assert not set(spread["matchLabelKeys"]) & set(spread["labelSelector"]["matchLabels"])


def test_a_machine_or_a_zone_may_fail() -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in of_kind("PodDisruptionBudget")}
    for deployment in roles("overlays/production"):
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        assert budgets.pop(name) == {"maxUnavailable": 1, "selector": spec["selector"]}
        spread = {one["topologyKey"] for one in spec["template"]["spec"]["topologySpreadConstraints"]}
        assert spread == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        role = name.rpartition("-")[2]
        kind, key = {
            "api": ("HorizontalPodAutoscaler", "minReplicas"),
            "relay": ("Deployment", "replicas"),
            "consumer": ("ScaledObject", "minReplicaCount"),
        }[role]
        assert named(kind, name)["spec"][key] == 2
        # A scaler sets the number of replicas. A number here would reset it at every roll-out.
        assert ("replicas" in spec) == (role == "relay")
    assert budgets == {}


@every_overlay
def test_every_pod_has_limits_and_minimal_rights(target: str) -> None:
    for name, pod in pod_templates(target):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] >= 10_000, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & set(spec), name
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            for amounts in (container["resources"]["requests"], container["resources"]["limits"]):
                assert set(amounts) == {"cpu", "memory"}, name
            mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
            owners = {"/run/secrets/owner"} if name.startswith("Job ") else set()
            assert set(mounts) == {"/tmp", "/run/secrets/recobro"} | owners, name
        for volume in spec["volumes"]:
            assert set(volume) - {"name"} in ({"emptyDir"}, {"projected"}), name
            assert "sizeLimit" in volume.get("emptyDir", {"sizeLimit": ""}), name


@every_overlay
def test_the_namespace_refuses_any_other_pod(target: str) -> None:
    [namespace] = of_kind("Namespace", target)
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@every_overlay
def test_every_variable_of_a_pod_is_a_setting_of_its_program(target: str) -> None:
    of_any = set(chain.from_iterable(variables_of(settings_of(program)) for program in PROGRAM_NAMES))
    for name, pod in pod_templates(target):
        service = pod["metadata"]["labels"]["app.kubernetes.io/name"]
        known = variables_of(settings_of(service)) if service in PROGRAM_NAMES else of_any | OPERATIONS
        assert set(environment_of(pod, target)) <= known, name


@every_overlay
def test_every_secret_file_in_a_pod_s_settings_is_mounted(target: str) -> None:
    for name, pod in pod_templates(target):
        there = set(secret_files(pod))
        named_files = {value for variable, value in environment_of(pod, target).items() if variable.endswith("_FILE")}
        assert named_files <= there, name
        # The database address names the CA certificate of PostgreSQL.
        assert there - named_files <= {"/run/secrets/recobro/postgres-ca.crt"}, name


@every_overlay
def test_every_secret_that_a_pod_reads_has_a_source(target: str) -> None:
    made = {one["metadata"]["name"] for kind in ("ExternalSecret", "KafkaUser") for one in of_kind(kind, target)}
    # The operators create the first two. On a local machine, people create the others by hand.
    made |= {"postgres-ca", "recobro-cluster-ca-cert"}
    made |= {"jwks", "operations-token", "console-signing-key"} if target == "overlays/local" else set()
    read = set()
    for _, pod in pod_templates(target):
        read |= {
            source["secret"]["name"]
            for one in pod["spec"]["volumes"]
            for source in one.get("projected", {}).get("sources", ())
        }
        read |= {
            source["secretRef"]["name"]
            for container in containers(pod)
            for source in container.get("envFrom", ())
            if "secretRef" in source
        }
    assert read <= made
    assert of_kind("Secret", target) == []


def test_the_daily_jobs_run_in_order() -> None:
    jobs = {one["metadata"]["name"]: one["spec"] for one in of_kind("CronJob")}
    arguments = {
        name: spec["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] for name, spec in jobs.items()
    }
    assert arguments == {
        "staging": ["stage", "--as-of", "today"],
        "promise-checks": ["check-promises", "--as-of", "today"],
        "lists": ["list", "--all", "--date", "today"],
    }
    minutes = {
        name: int(hour) * 60 + int(minute)
        for name, spec in jobs.items()
        for minute, hour, *_ in [spec["schedule"].split()]
    }
    order = sorted(minutes, key=lambda name: minutes[name])
    assert order == ["staging", "promise-checks", "lists"]
    for earlier, later in pairwise(order):
        assert (
            minutes[earlier] * 60 + jobs[earlier]["jobTemplate"]["spec"]["activeDeadlineSeconds"] < minutes[later] * 60
        )
    for spec in jobs.values():
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["timeZone"] == "America/Mexico_City"
        assert spec["startingDeadlineSeconds"] > 0
        assert spec["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] == "Never"
