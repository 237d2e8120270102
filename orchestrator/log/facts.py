"""Between the log's lines and the core's events: which payload each event type has. Opens no file."""

from __future__ import annotations

from typing import Any, cast, get_args

import msgspec

from orchestrator.core.events import AnyPayload, Event, Fact
from orchestrator.core.values import FeatureId
from orchestrator.errors import BrokenLog
from orchestrator.log.records import Draft, Record

TYPES: dict[str, type[Any]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyPayload)}
_DECODERS = {name: msgspec.json.Decoder(kind) for name, kind in TYPES.items()}


def draft(fact: Fact) -> Draft:
    """Return a fact as the log takes it; its type stands outside the payload."""
    payload = msgspec.to_builtins(fact.payload)
    event_type = payload.pop("event_type")
    return Draft(
        feature=fact.feature,
        event_type=event_type,
        workflow=fact.workflow,
        phase=fact.phase,
        actor=fact.actor,
        payload=msgspec.json.encode(payload),
    )


def event(record: Record) -> Event:
    """Return a record as the core knows it. Raises BrokenLog for what this version cannot read."""
    decoder = _DECODERS.get(record.event_type)
    if decoder is None:
        raise BrokenLog(
            f"the log holds an event {record.event_type!r} at line {record.id} that this version does not know",
            "a newer orchestrator wrote it: install that version",
        )
    try:
        payload = cast(AnyPayload, decoder.decode(record.payload))
    except msgspec.ValidationError as error:
        raise BrokenLog(f"the log's line {record.id} ({record.event_type}) has another shape: {error}") from error
    return Event(
        id=record.id,
        timestamp=record.timestamp,
        feature=FeatureId(record.feature) if record.feature is not None else None,
        workflow=record.workflow,
        phase=record.phase,
        actor=record.actor,
        payload=payload,
        hash=record.hash,
    )
