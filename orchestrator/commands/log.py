"""`log`: the audit trail, as lines for people, as JSON, or through a jq filter."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click
import msgspec

from orchestrator import render, session
from orchestrator.adapters.agent import one_line
from orchestrator.core.values import FeatureId
from orchestrator.errors import WrongUsage
from orchestrator.log.facts import TYPES
from orchestrator.log.records import Record
from orchestrator.workspace import Workspace


@click.command("log")
@click.argument("feature", required=False)
@click.option("--type", "kinds", multiple=True, metavar="TYPE", help="Only events of this type; may be repeated.")
@click.option("--since", metavar="WHEN", help="Only events after a time with offset, or after event #ID.")
@click.option("--at", metavar="WHEN", help="Only up to a time with offset, #ID or checkpoint/NAME/N.")
@click.option("--jq", "jq_filter", metavar="FILTER", help="Run a jq filter on each event; a result a line.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of each event type's payload.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    feature: str | None,
    kinds: tuple[str, ...],
    since: str | None,
    at: str | None,
    jq_filter: str | None,
    schema: bool,
    as_json: bool,
) -> None:
    """Show what happened, oldest first; of FEATURE only where it is named."""
    if schema:
        render.json(_schema())
        return
    unknown = [kind for kind in kinds if kind not in TYPES]
    if unknown:
        raise WrongUsage(f"there is no event type {unknown[0]!r}", f"the types are {', '.join(TYPES)}")
    with session.looking() as workspace:
        only = workspace.feature(feature).id if feature else None
        found = _chosen(workspace, only, kinds, since)
        if at:
            is_before = render.until(workspace, at)
            found = (one for one in found if is_before(one.id, one.timestamp))
        if jq_filter:
            _filtered(found, jq_filter, as_json)
        elif as_json:
            render.json({"events": [_builtins(one) for one in found]})
        else:
            for one in found:
                click.echo(_line(one))


def _chosen(
    workspace: Workspace, only: FeatureId | None, kinds: tuple[str, ...], since: str | None
) -> Iterator[Record]:
    after, moment = _since(since)
    for one in workspace.journal.records():
        if only not in (None, one.feature) or (kinds and one.event_type not in kinds):
            continue
        if one.id > after and (moment is None or datetime.fromisoformat(one.timestamp) > moment):
            yield one


def _since(since: str | None) -> tuple[int, datetime | None]:
    if since is None:
        return 0, None
    if since.startswith("#") and since[1:].isdigit():
        return int(since[1:]), None
    return 0, render.instant(since)


def _filtered(found: Iterator[Record], jq_filter: str, as_json: bool) -> None:
    from orchestrator.log.query import matches  # jq: only for a filter

    matches(jq_filter, "")  # what is no filter is said also where no event is left to try it on
    results = [result for one in found for result in matches(jq_filter, msgspec.json.encode(one).decode())]
    if as_json:
        render.json({"events": results})
        return
    for result in results:
        click.echo(msgspec.json.encode(result).decode())


def _builtins(record: Record) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return decoded


def _line(record: Record) -> str:
    """Return an event as people read it: number, time, who, what."""
    stamp = render.parsed(record.timestamp)
    who = (record.feature or "-").removeprefix("feat-")
    place = f"{record.workflow}/{record.phase}" if record.workflow else ""
    said = _said(record.event_type, msgspec.json.decode(record.payload))
    return f"{record.id:>5}  {stamp:%Y-%m-%d %H:%M:%S}  {who:<16} {place:<10} {record.event_type:<19} {said}".rstrip()


_WORDS = (
    "attempt", "n", "verdict", "answer", "why", "reason", "command", "title", "note", "branch", "aside", "name",
)  # fmt: skip


def _called(payload: dict[str, Any]) -> list[str]:
    """Return what a client's call came to."""
    used = [f"{payload[name]} {name}" for name in ("turns", "tokens") if payload.get(name)]
    cost = [f"${payload['cost']:.4f}"] if payload.get("cost") else []
    refused = [f"refused {one}" for one in payload.get("denied", ())]
    return [f"{payload['client']} {payload['ended']}", *used, *cost, *refused, payload.get("error", "")[:200]]


def _said(kind: str, payload: dict[str, Any]) -> str:
    """Return the few words of a payload that matter to a reader."""
    words: list[str] = []
    gate = payload.get("gate")
    if isinstance(gate, dict):
        words.append(f"{gate['heading']} ({gate['type']})")
    for key in (
        "attempt",
        "n",
        "verdict",
        "answer",
        "why",
        "reason",
        "command",
        "title",
        "note",
        "branch",
        "aside",
        "name",
    ):
        value = payload.get(key)
        if value not in (None, "", []):
            words.append(f"{key} {value}" if key in ("attempt", "n") else str(value))
    if "commit" in payload and kind in ("checkpoint_created", "rollback_executed", "rollback_undone", "branch_moved"):
        words.append(str(payload["commit"])[:10])
    if kind == "agent_ended":
        words += _called(payload)
    if payload.get("door") not in (None, "", "terminal"):
        words.append(f"through {payload['door']}")
    if payload.get("signer"):
        words.append(f"signed by {payload['signer']}")
    if payload.get("changes"):
        words.append(", ".join(payload["changes"]))
    words += payload.get("refused", ())
    return one_line(" · ".join(words))


def _schema() -> dict[str, Any]:
    schemas, components = msgspec.json.schema_components([Record, *TYPES.values()])
    return {"line": schemas[0], "payloads": dict(zip(TYPES, schemas[1:], strict=True)), "$defs": components}
