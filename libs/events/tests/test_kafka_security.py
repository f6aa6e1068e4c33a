"""A broker that requires passwords and TLS, and clients with and without the right credentials."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from recobro.kafka import LocalKafka
from recobro.postgres import free_port
from recobro_events import TransportError
from recobro_events._log.transport import OutgoingRecord
from recobro_events.kafka import KafkaTransport, Security
from toy_services import TopicReader

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
NAME, PASSWORD = "publisher", "a-password-that-nobody-may-see"


@dataclass(frozen=True)
class Guarded:
    """A broker's secure listener, the credentials for it, and the certificate of another authority."""

    bootstrap: str
    security: Security
    another_ca: Path


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, kafka_jars: Path) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = _authority(folder / "ca.pem")
    _authority(folder / "another.pem")
    _server_certificate(folder / "broker.pem", *authority)
    port, secure, controller = free_port(), free_port(), free_port()
    settings = {
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURE://127.0.0.1:{secure}",
        "advertised.listeners": f"BROKER://127.0.0.1:{port},SECURE://127.0.0.1:{secure}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": str(folder / "broker.pem"),
    }
    broker = LocalKafka(folder / "broker", port, kafka_jars, settings=settings)
    try:
        broker.start()
        _add_user(broker, kafka_jars)
        security = Security(NAME, PASSWORD, folder / "ca.pem")
        yield Guarded(f"127.0.0.1:{secure}", security, folder / "another.pem")
    finally:
        broker.stop()


def _add_user(broker: LocalKafka, jars: Path) -> None:
    java = shutil.which("java")
    assert java is not None
    command = [java, "-cp", f"{jars}/*", "kafka.admin.ConfigCommand", "--bootstrap-server", broker.bootstrap]
    command += ["--alter", "--entity-type", "users", "--entity-name", NAME]
    command += ["--add-config", f"SCRAM-SHA-512=[password={PASSWORD}]"]
    subprocess.run(command, check=True, capture_output=True, timeout=240)


def _name(of: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, of)])


def _certificate(of: str, by: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(of))
        .issuer_name(_name(by))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _authority(file: Path) -> tuple[str, ec.EllipticCurvePrivateKey]:
    key, name = ec.generate_private_key(ec.SECP256R1()), f"authority {file.stem}"
    basic = x509.BasicConstraints(ca=True, path_length=0)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _certificate(name, name, key.public_key())
        .add_extension(basic, critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return name, key


def _server_certificate(file: Path, authority: str, authority_key: ec.EllipticCurvePrivateKey) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        _certificate("broker", authority, key.public_key())
        .add_extension(address, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


async def test_a_client_with_credentials_writes_and_reads(guarded: Guarded) -> None:
    transport = KafkaTransport(guarded.bootstrap, 1, security=guarded.security)
    topic = f"publisher{uuid4().hex}.events"
    assert await transport.ensure_topics([topic]) == {topic: 1}
    assert not await transport.is_written([topic])
    producer = await transport.producer(linger_ms=0)
    await producer.send([OutgoingRecord(topic, "contract", b"a payment", {}, None)])
    await producer.close()
    reader = TopicReader()
    member = await transport.join(f"subscriber-{uuid4()}", [topic], reader)
    async with asyncio.timeout(240):
        await reader.ready.wait()
    [place] = reader.places
    member.seek(place, 0)
    records = await member.poll([place], max_records=10, timeout_seconds=30)
    await member.leave()
    assert [record.value for record in records] == [b"a payment"]


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "no credentials"])
async def test_wrong_credentials_are_refused_and_no_error_shows_the_password(guarded: Guarded, wrong: str) -> None:
    security = {
        "password": replace(guarded.security, password=PASSWORD.upper()),
        "user": replace(guarded.security, username="nobody"),
        "authority": replace(guarded.security, ca_file=guarded.another_ca),
        "no credentials": Security(),
    }[wrong]
    transport = KafkaTransport(guarded.bootstrap, 1, security=security)
    with pytest.raises(TransportError) as refused:
        await asyncio.wait_for(transport.ensure_topics(["publisher.events"]), 240)
    assert PASSWORD not in f"{refused.value!r}{security!r}{transport!r}".lower()
    with pytest.raises(TransportError):
        await asyncio.wait_for(transport.producer(linger_ms=0), 240)


async def test_topics_are_created_only_by_a_transport_that_may(guarded: Guarded) -> None:
    topic = f"publisher{uuid4().hex}.events"
    waiting = KafkaTransport(guarded.bootstrap, security=guarded.security, create_topics=False)
    with pytest.raises(TransportError, match=topic):
        await waiting.ensure_topics([topic])
    await KafkaTransport(guarded.bootstrap, 2, security=guarded.security).ensure_topics([topic])
    assert await waiting.ensure_topics([topic]) == {topic: 2}
