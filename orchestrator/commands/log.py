"""`log`: the audit trail, as lines for people, as JSON, or through a jq filter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import click
import msgspec

from orchestrator import drawing, moments, narrating, render, session
from orchestrator.adapters.agent import one_line
from orchestrator.core.chronicle import chronicle
from orchestrator.core.events import Event
from orchestrator.core.state import Feature
from orchestrator.core.values import FeatureId
from orchestrator.errors import Refusal, WrongUsage
from orchestrator.log.facts import TYPES
from orchestrator.log.records import Record
from orchestrator.workspace import Workspace


@click.command("log")
@click.argument("feature", required=False)
@click.option("--type", "kinds", multiple=True, metavar="TYPE", help="Only events of this type; may be repeated.")
@click.option("--since", metavar="WHEN", help="Only events after a time, #ID, 8h, today, yesterday, or 'last run'.")
@click.option("--at", metavar="WHEN", help="Only up to a time with offset, #ID or checkpoint/NAME/N.")
@click.option("--jq", "jq_filter", metavar="FILTER", help="Run a jq filter on each event; a result a line.")
@click.option("--words/--lines", "in_words", default=None, help="As a story (on a terminal), or a line an event.")
@click.option("--all", "whole", is_flag=True, help="With the events that another one tells of; --graph folds nothing.")
@click.option("--graph", is_flag=True, help="Draw the checkpoints, rollbacks and undos of FEATURE as a tree.")
@click.option("--story", is_flag=True, help="Print all of FEATURE as Markdown, for a pull request.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of each event type's payload.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    feature: str | None,
    kinds: tuple[str, ...],
    since: str | None,
    at: str | None,
    jq_filter: str | None,
    in_words: bool | None,
    whole: bool,
    graph: bool,
    story: bool,
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
    if graph or story:
        chooses = kinds or since or jq_filter or in_words is not None
        if feature is None or (graph and story) or chooses or (story and as_json):
            raise click.UsageError("--graph and --story take a FEATURE and --at; each goes alone, and is whole.")
        _of_one(feature, at, graph=graph, whole=whole, as_json=as_json)
        return
    with session.looking() as workspace:
        only = workspace.feature(feature).id if feature else None
        is_chosen = _chosen(workspace, only, kinds, since)
        is_past = render.until(workspace, at) if at else _always
        found = (one for one in workspace.journal.records() if is_past(one.id, one.timestamp) and is_chosen(one))
        if jq_filter:
            _filtered(found, jq_filter, as_json)
        elif as_json:
            render.json({"events": [_builtins(one) for one in found]})
        elif render.is_person() if in_words is None else in_words:
            told = narrating.lines(
                workspace, lambda one: is_past(one.id, one.timestamp), is_chosen, whole=whole or bool(kinds)
            )
            narrating.tell(told, is_of_one=only is not None)
        else:
            for one in found:
                click.echo(_line(one))


def _of_one(name: str, at: str | None, *, graph: bool, whole: bool, as_json: bool) -> None:
    with session.looking() as workspace:
        feature = workspace.feature(name)
        events = _events_of(workspace, feature, at)
        if not events:
            raise Refusal(f"{feature.slug} was not started yet at {at}", f"orchestrator log {feature.slug}")
        if not graph:
            click.echo(chronicle(events, narrating.quoted), nl=False)
            return
        found = drawing.grown(workspace, feature.slug, events)
        if as_json:
            render.json(drawing.shape(found))
        else:
            drawing.show(workspace, feature.slug, found, folds=not whole)


def _events_of(workspace: Workspace, feature: Feature, at: str | None) -> list[Event]:
    is_past = render.until(workspace, at) if at else _always
    return [one for one in workspace.events() if one.feature == feature.id and is_past(one.id, one.timestamp)]


def _always(number: int, timestamp: str) -> bool:
    return True


def _chosen(
    workspace: Workspace, only: FeatureId | None, kinds: tuple[str, ...], since: str | None
) -> Callable[[Record | Event], bool]:
    """Return what tells whether an event is asked for."""
    is_after = moments.after(workspace, since) if since is not None else _always

    def is_chosen(one: Record | Event) -> bool:
        is_of = only in (None, one.feature) and (not kinds or one.event_type in kinds)
        return is_of and is_after(one.id, one.timestamp)

    return is_chosen


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
    for key in _WORDS:
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
