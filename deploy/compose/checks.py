"""Checks the images and docker-compose.yml without Docker's engine. Exit code 1 if something is wrong.

Docker Compose itself reads the file with every profile, and the result is checked against our own rules.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from recobro_platform import PROGRAMS, SERVICES

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HERE = Path("deploy/compose")
# The sum is Go's hash of the module's content. It pins Docker Compose and everything that it is built from.
COMPOSE = "github.com/docker/compose/v5"
COMPOSE_VERSION = "v5.2.0"
COMPOSE_SUM = "h1:WuZgtAM91BjFWy7xMKcM2Huq9OksVqRgkgBKFiEXs2Q="
CLUSTER = ("--env-file", str(HERE / "cluster.env"))
WAYS = {
    "as it is": (),
    "cluster": CLUSTER,
    "tracing": ("--profile", "tracing"),
    "operations": ("--profile", "operations"),
    "everything": (*CLUSTER, "--profile", "*"),
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL|DATABASE_URL|LOG_URL")
# A fresh volume belongs to root, so the job that fills the volumes of secrets runs as root. It does nothing else.
ROOT_BY_NEED = {"secrets"}
# The server and the job that sets the passwords read them. The job `secrets` makes them.
HAS_ALL_PASSWORDS = {"secrets", "postgres", "databases"}

Service = dict[str, Any]


class Refused(Exception):
    """A program failed. The message is its output."""


def output(*command: str | Path, folder: Path = ROOT, environment: dict[str, str] | None = None) -> str:
    """Return the output of the program. Raises ``Refused`` if the program fails."""
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused((done.stdout + done.stderr).strip() or f"{command[0]} ended with {done.returncode}")
    return done.stdout


def linted(name: str, *arguments: str) -> Iterator[str]:
    """Yield the complaints of a linter from our environment."""
    try:
        output(BIN / name, *arguments)
    except Refused as refusal:
        yield from str(refusal).splitlines()


def docker_compose() -> Path:
    """Return the pinned Docker Compose, which Go builds into .tools once. Raises ``Refused`` if the build fails."""
    binary = ROOT / HERE / ".tools" / f"docker-compose-{COMPOSE_VERSION}"
    if not binary.exists():
        module = json.loads(output("go", "mod", "download", "-json", f"{COMPOSE}@{COMPOSE_VERSION}"))
        if module["Sum"] != COMPOSE_SUM:
            raise Refused(f"The module of Docker Compose has the sum {module['Sum']}, not the pinned one.")
        print(f"Building Docker Compose {COMPOSE_VERSION}, once.", flush=True)
        output("go", "build", "-trimpath", "-o", binary, "./cmd", folder=Path(module["Dir"]))
    return binary


def composed(compose: Path, way: tuple[str, ...]) -> dict[str, Service]:
    """Return the services as Docker Compose reads them. Raises ``Refused`` if Docker Compose refuses the file."""
    # No other variable of the caller may change the meaning of the file.
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    config = json.loads(output(compose, *way, "config", "--format", "json", environment=environment))
    services: dict[str, Service] = config["services"]
    return services


def is_job(service: Service) -> bool:
    return bool(service.get("restart") == "no")


def ours(service: Service) -> bool:
    return "build" in service


def wrong_with_privileges(name: str, service: Service) -> Iterator[str]:
    if not service.get("read_only"):
        yield "the root file system is not read-only"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
        yield "the container keeps capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "the container may gain privileges"
    user = str(service.get("user", "" if ours(service) else "0"))
    if user.split(":")[0] in ("0", "root") and name not in ROOT_BY_NEED:
        yield "the container runs as root, or as a user that only the image names"
    if name in ROOT_BY_NEED and (service.get("network_mode") != "none" or not is_job(service)):
        yield "a container that runs as root has to be a job without a network"
    for port in service.get("ports", []):
        if port.get("host_ip") != "127.0.0.1":
            yield f"port {port.get('published')} is open to the network"


def wrong_with_running(service: Service) -> Iterator[str]:
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if not limits.get("memory") or not limits.get("pids"):
        yield "the container has no limit of memory or of processes"
    check = service.get("healthcheck", {})
    if is_job(service):
        if not check.get("disable"):
            yield "a job has to switch off the health check of its image"
    elif not check.get("test") and not ours(service):
        yield "the container has no health check"
    image, _, tag = service["image"].rpartition(":")
    if not image or not re.search(r"\d+\.\d+", tag):
        yield f"the image {service['image']} has no version"
    for mount in service.get("volumes", []):
        if mount["type"] == "bind" and not Path(mount["source"]).exists():
            yield f"the mounted {mount['source']} does not exist"


def wrong_with_environment(service: Service, known: set[str]) -> Iterator[str]:
    for variable, value in service.get("environment", {}).items():
        if SECRET.search(variable) and not variable.endswith("_FILE"):
            yield f"{variable} would put a secret into the file"
        if re.search(r"://[^/\s]*:[^/\s]*@", value or ""):
            yield f"the value of {variable} holds a password"
        if variable.startswith("RECOBRO_") and variable not in known:
            yield f"{variable} is neither a setting in docs/configuration.md nor one of the command"


def volumes_of(service: Service) -> set[str]:
    return {mount["source"] for mount in service.get("volumes", []) if mount["type"] == "volume"}


def wrong_with_owners(name: str, service: Service) -> Iterator[str]:
    """Only a migration has its service's owner's URL, and only what makes the roles has their passwords."""
    migrated = name.removeprefix("migrate-") if name.startswith("migrate-") else None
    mine = {f"{migrated}-owner-secrets"} if migrated else set()
    mounted = volumes_of(service)
    owners = {volume for volume in mounted if volume.endswith("-owner-secrets")}
    if name == "secrets":
        missing = {f"{one.name}-owner-secrets" for one in PROGRAMS} - mounted
        yield from (f"the job does not fill {volume}" for volume in sorted(missing))
    elif owners != mine:
        yield f"the container has the owner's URL of {sorted(owners)}, and needs that of {sorted(mine)}"
    if ("RECOBRO_OWNER_DATABASE_URL_FILE" in service.get("environment", {})) != bool(migrated):
        yield "a migration works as the tables' owner, and nothing else does"
    if "postgres-secrets" in mounted and name not in HAS_ALL_PASSWORDS:
        yield "the container has the passwords of all roles"


def known_settings() -> set[str]:
    """Return the variables of the services, from their documentation, and of the command, from its code.

    A secret has a second variable with the name of a file.
    """
    rows = re.findall(r"^\| `(RECOBRO_\w+)` .*$", (ROOT / "docs/configuration.md").read_text(), re.M)
    command = "\n".join(file.read_text() for file in (ROOT / "cli/recobro").glob("*.py"))
    names = {*rows, *re.findall(r"RECOBRO_[A-Z_]*[A-Z]", command)}
    names |= {f"RECOBRO_{service.package.upper()}_DATABASE_URL" for service in SERVICES}
    return names | {f"{name}_FILE" for name in names if SECRET.search(name)}


def wrong_with_order(services: dict[str, Service]) -> Iterator[str]:
    """`docker compose up --wait` treats the end of a job as a failure unless a service depends on the job."""
    awaited = {
        name
        for service in services.values()
        for name, how in service.get("depends_on", {}).items()
        if how["condition"] == "service_completed_successfully"
    }
    for name, service in services.items():
        if is_job(service) and "profiles" not in service and name not in awaited:
            yield f"{name}: no service depends on this job"


def wrong_with_scraping(services: dict[str, Service]) -> Iterator[str]:
    """Prometheus must scrape every service of ours, by its name and port."""
    settings = yaml.safe_load((ROOT / HERE / "prometheus.yml").read_text())
    scraped = {job["job_name"]: job["static_configs"][0]["targets"] for job in settings["scrape_configs"]}
    listening = {
        name: [f"{name}:{port['target']}" for port in service["ports"]]
        for name, service in services.items()
        if ours(service) and service.get("ports")
    }
    if scraped != listening:
        yield f"prometheus.yml scrapes {scraped}, and the services listen on {listening}"


def stages() -> dict[str, list[str]]:
    """Return the Dockerfile's lines of every stage, after those of the stages below it."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text()))
    found: dict[str, list[str]] = {}
    for part in re.split(r"(?m)^(?=FROM )", text)[1:]:
        first, *lines = part.strip().splitlines()
        base, name = re.fullmatch(r"FROM (\S+) AS (\S+)", first).groups()  # type: ignore[union-attr]
        found[name] = [*found.get(base, []), *lines]
    return found


def last(lines: list[str], instruction: str) -> str:
    """Return the argument of the last such instruction, or nothing if there is none."""
    arguments = [line.partition(" ")[2] for line in lines if line.startswith(f"{instruction} ")]
    return arguments[-1] if arguments else ""


def wrong_with_images(services: dict[str, Service]) -> Iterator[str]:
    made = stages()
    for target in sorted({service["build"]["target"] for service in services.values() if ours(service)}):
        lines = made.get(target, [])
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", last(lines, "USER")):
            yield f"image {target} runs as root or as a user without a number"
        if not last(lines, "ENTRYPOINT").startswith("["):
            yield f"image {target} starts through a shell, which does not pass on signals"
        if last(lines, "STOPSIGNAL") != "SIGTERM":
            yield f"image {target} is not stopped by SIGTERM"
        if not last(lines, "HEALTHCHECK"):
            yield f"image {target} has no health check"


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==(\S+)", (ROOT / "requirements" / lock).read_text(), re.M))


def wrong_with_locks() -> Iterator[str]:
    """The images must hold the tested versions. `tests/test_dependencies.py` checks that everything is locked."""
    for part, whole in (("services.txt", "runtime.txt"), ("build.txt", "dev.txt")):
        tested = pins(whole)
        for name, version in pins(part).items():
            if tested.get(name) != version:
                yield f"{part} has {name} {version}, {whole} {tested.get(name, 'none')}"


def wrong_with_compose() -> Iterator[str]:
    compose = docker_compose()
    ways = {name: composed(compose, way) for name, way in WAYS.items()}
    for services in ways.values():
        yield from wrong_with_order(services)
    services, known = ways["everything"], known_settings()
    for name, service in services.items():
        for problem in (
            *wrong_with_privileges(name, service),
            *wrong_with_running(service),
            *wrong_with_environment(service, known),
            *wrong_with_owners(name, service),
        ):
            yield f"{name}: {problem}"
    yield from wrong_with_scraping(services)
    yield from wrong_with_images(services)


def passes(name: str, problems: Iterator[str]) -> bool:
    """Print each problem once, and return whether there is none."""
    found: dict[str, None] = {}
    try:
        for problem in problems:
            found.setdefault(problem)
    except Refused as refusal:
        found.setdefault(str(refusal))
    print("FAILED " if found else "ok     ", name)
    print(*(f"          {problem}\n" for problem in found), sep="", end="")
    return not found


def main() -> int:
    passed = [
        passes("hadolint on the Dockerfile", linted("hadolint", "Dockerfile")),
        passes("shellcheck", linted("shellcheck", str(HERE / "check"), str(HERE / "databases.sh"))),
        passes(
            "the schema of the Compose specification",
            linted("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"),
        ),
        passes("locks of the images", wrong_with_locks()),
    ]
    name = f"Docker Compose {COMPOSE_VERSION}, {len(WAYS)} combinations of profiles, and our own rules"
    if shutil.which("go") is None:
        print(f"SKIPPED {name}: Go is not on PATH, so Docker Compose cannot be built")
        passed.append(os.environ.get("RECOBRO_REQUIRE_COMPOSE") != "1")
    else:
        passed.append(passes(name, wrong_with_compose()))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
