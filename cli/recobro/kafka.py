"""A real Apache Kafka broker on this machine, without Docker: its jars come from Maven Central, Java runs it."""

import base64
import shutil
import signal
import socket
import struct
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from string import Template

import psutil
from pydantic import ValidationError

from recobro.errors import Trouble
from recobro.postgres import free_port, is_free
from recobro.processes import ProcessRecord, dies_with_us, end

RECIPE = Path(__file__).resolve().parents[2] / "deploy" / "kafka-local"
_FETCH_TIMEOUT_SECONDS = 540.0
_FORMAT_TIMEOUT_SECONDS = 60.0
_START_TIMEOUT_SECONDS = 180.0
_STOP_TIMEOUT_SECONDS = 20.0
_API_VERSIONS = 18


class KafkaFailed(Trouble):
    """The broker could not be fetched or started. The message gives the reason."""


def fetch(jars: Path) -> None:
    """Fetch the broker's jars into ``jars`` if they are missing. Needs Maven, and its registry the first time."""
    complete = jars / ".complete"
    recipe = (RECIPE / "pom.xml").read_text()
    if complete.exists() and complete.read_text() == recipe:
        return
    if shutil.which("mvn") is None:
        raise KafkaFailed("Fetching Apache Kafka needs Maven (mvn), which is not on PATH.")
    shutil.rmtree(jars, ignore_errors=True)
    jars.mkdir(parents=True)
    command = ["mvn", "-q", "-B", "-f", str(RECIPE / "pom.xml"), "dependency:copy-dependencies"]
    command.append(f"-DoutputDirectory={jars.absolute()}")
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FETCH_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        raise KafkaFailed(f"Maven has not fetched Apache Kafka within {_FETCH_TIMEOUT_SECONDS:.0f} s.") from None
    if result.returncode != 0:
        raise KafkaFailed(f"Maven could not fetch Apache Kafka:\n{(result.stdout + result.stderr)[-2000:]}")
    complete.write_text(recipe)


class LocalKafka:
    """One broker with its data in ``folder``. It listens on loopback only and runs from the jars of
    ``fetch``.

    ``start`` returns when the broker serves requests, and does nothing if it already runs. On Linux the broker ends
    with the thread that started it, unless ``stays`` is set; then ``stop``, called by any process, ends it.
    ``settings`` extend or replace those of the recipe. Brokers of one cluster share a ``cluster_id``.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        jars: Path,
        *,
        stays: bool = False,
        settings: Mapping[str, str] | None = None,
        cluster_id: str | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self._jars = jars.absolute()
        self._stays = stays
        self._settings = dict(settings or {})
        self._cluster_id = cluster_id
        self._record_file = self.folder / "broker.json"
        self._log = self.folder / "broker.log"

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        process = self._process()
        return process.pid if process is not None else None

    def start(self) -> None:
        """Start the broker and wait until it serves. Raises ``KafkaFailed`` if it does not within three minutes."""
        self.launch()
        self.wait_until_it_serves()

    def launch(self) -> None:
        """Start the process if it does not run. A broker of a cluster serves only once most of the others run too."""
        if (java := shutil.which("java")) is None:
            raise KafkaFailed("Apache Kafka needs Java 17 or newer (java), which is not on PATH.")
        if self._process() is None:
            if not is_free(self.port):
                raise KafkaFailed(f"Port {self.port} is taken by another program.")
            self._format(java)
            self._launch(java)

    def wait_until_it_serves(self) -> None:
        """Wait until the broker serves. Raises ``KafkaFailed`` if it does not within three minutes."""
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not _serves(self.port):
            if self._process() is None or time.monotonic() > deadline:
                self.stop()
                raise KafkaFailed(f"Apache Kafka did not start:\n{self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop the broker and wait until its process has ended."""
        if (process := self._process()) is not None:
            end([process], (signal.SIGTERM,), _STOP_TIMEOUT_SECONDS)
        self._record_file.unlink(missing_ok=True)

    def _process(self) -> psutil.Process | None:
        try:
            return ProcessRecord.model_validate_json(self._record_file.read_bytes()).find()
        except (FileNotFoundError, ValidationError):
            return None

    def _format(self, java: str) -> None:
        """Write the broker's settings, and format its storage if there is none yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        data = self.folder / "data"
        settings = Template((RECIPE / "server.properties").read_text()).substitute(
            port=self.port, controller_port=free_port(), data=data
        )
        settings += "".join(f"{name}={value}\n" for name, value in self._settings.items())
        (self.folder / "server.properties").write_text(settings)
        if (data / "meta.properties").exists():
            return
        command = [*self._java(java), "kafka.tools.StorageTool", "format", "-t", self._cluster_id or new_cluster_id()]
        command += ["-c", str(self.folder / "server.properties")]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_FORMAT_TIMEOUT_SECONDS)
        if result.returncode != 0:
            raise KafkaFailed(f"Apache Kafka's storage could not be prepared:\n{result.stderr[-2000:]}")

    def _launch(self, java: str) -> None:
        with self._log.open("wb") as output:
            process = subprocess.Popen(
                [*self._java(java), "kafka.Kafka", str(self.folder / "server.properties")],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=None if self._stays else dies_with_us(signal.SIGTERM),
            )
        self._record_file.write_text(ProcessRecord.of(process.pid).model_dump_json())

    def _java(self, java: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={RECIPE / 'log4j2.properties'}"
        return [java, "-Xms256m", "-Xmx512m", logging, "-cp", f"{self._jars}/*"]


def new_cluster_id() -> str:
    """Return a random UUID in Kafka's form. It never begins with a dash, which would pass for an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def _serves(port: int) -> bool:
    """Whether a broker on this port answers the first request of every client, for the API versions."""
    client = b"recobro"
    request = struct.pack(f">hhih{len(client)}s", _API_VERSIONS, 0, 1, len(client), client)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            return len(connection.recv(4)) > 0
    except OSError:
        return False
