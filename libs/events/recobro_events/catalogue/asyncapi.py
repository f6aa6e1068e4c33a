"""The AsyncAPI 3.0 document: the topics, the event types on each, and their headers."""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from recobro_events.catalogue.schemas import carries_personal_data, contracts, description_of
from recobro_events.contracts import Event, Lane, bulk_sources
from recobro_events.contracts.runtime import Marker

Document = dict[str, Any]

_AGENCIES = "agency.{agency_id}.events"

_HEADERS: Document = {
    "type": "object",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "format": "uuid", "description": "The event's id; every copy has the same."},
        "ce_type": {"type": "string", "description": "The event type; it names the message."},
        "ce_source": {"type": "string", "description": "The service that recorded the fact."},
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "description": "The time at which the fact was recorded, in UTC.",
        },
        "ce_subject": {
            "type": "string",
            "description": "The event's key; events of one key on one topic stay in order.",
        },
        "ce_audience": {
            "type": "string",
            "description": "Set on republished events only: the service that asked for them, or * for all.",
        },
        "traceparent": {"type": "string", "description": "W3C Trace Context of the request that caused the event."},
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def document_of(contracts: Mapping[str, type[Event]]) -> Document:
    """The document with all channels, operations and messages; payloads refer to ``schemas/<type>.json``."""
    channels = _channels(contracts)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Recobro",
            "version": "1",
            "description": "The events that the services of Recobro publish to each other and to agencies: CloudEvents"
            " 1.0 in binary mode over Apache Kafka. Readers ignore unknown fields.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": _operations(channels),
        "components": {
            "messages": {name: _message(event) for name, event in contracts.items()},
            "messageTraits": {"cloudevent": {"headers": _HEADERS}},
        },
    }


def addresses_of(event: type[Event]) -> list[str]:
    """The topics of an event type. Every service publishes the runtime's events, and markers take every lane."""
    owner = event.type.split(".", 1)[0]
    if event.lane is Lane.AGENCIES:
        return [_AGENCIES]
    lanes = [Lane.EVENTS, Lane.BULK] if issubclass(event, Marker) else [event.lane]
    services = _publishers() if owner == "runtime" else (owner,)
    return [f"{s}.{lane}" for s in services for lane in lanes if lane is Lane.EVENTS or s in bulk_sources()]


def _publishers() -> list[str]:
    """The services that the contracts name as publishers."""
    owners = {name.partition(".")[0] for name, event in contracts().items() if event.lane is not Lane.AGENCIES}
    return sorted(owners - {"runtime"})


def _channels(contracts: Mapping[str, type[Event]]) -> dict[str, Document]:
    channels: dict[str, Document] = {}
    for name, event in contracts.items():
        for address in addresses_of(event):
            channel = channels.setdefault(_name(address), {"address": address, "messages": {}})
            channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
            if not name.startswith("runtime."):
                channel["description"] = inspect.getdoc(inspect.getmodule(event))
            if event.lane is Lane.AGENCIES:
                channel["parameters"] = {"agency_id": {"description": "The agency's id, a UUID."}}
    return dict(sorted(channels.items()))


def _operations(channels: Iterable[str]) -> dict[str, Document]:
    """The operations: services send on every channel and receive on all but the channel of agencies."""
    kinds = {name: ("send",) if name == _name(_AGENCIES) else ("send", "receive") for name in channels}
    return {
        f"{name}.{action}": {"action": action, "channel": {"$ref": f"#/channels/{name}"}}
        for name, actions in kinds.items()
        for action in actions
    }


def _name(address: str) -> str:
    return address.replace("{", "").replace("}", "")


def _message(event: type[Event]) -> Document:
    return {
        "name": event.type,
        "title": event.__name__,
        "description": description_of(event),
        "traits": [{"$ref": "#/components/messageTraits/cloudevent"}],
        "payload": {"$ref": f"schemas/{event.type}.json"},
        "bindings": {"kafka": {"key": {"type": "string", "description": f"``{event.key_field}``"}}},
        "x-lane": event.lane.value,
        "x-personal-data": carries_personal_data(event),
    }
