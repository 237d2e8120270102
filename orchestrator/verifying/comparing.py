"""What `replay --check` compares: the files on disk with a replay, one line a difference. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrator import reconcile
from orchestrator.core.state import Feature
from orchestrator.log import projections
from orchestrator.workspace import Workspace


def differences(workspace: Workspace, features: Sequence[Feature]) -> Iterator[str]:
    """Give a line for every way in which a state file differs from the replay; those of retired features may."""
    for feature in features:
        for context in [] if feature.retired else workspace.contexts(feature):
            path = projections.state_file(context, feature.slug)
            yield from _state(feature, path, _shown(workspace, path))


def _shown(workspace: Workspace, path: Path) -> str:
    return str(path.relative_to(workspace.main)) if path.is_relative_to(workspace.main) else str(path)


def _state(feature: Feature, path: Path, name: str) -> Iterator[str]:
    content = projections.found(path)
    if content == projections.rendered(feature):
        return
    if content is None:
        yield f"{name}: it is missing"
        return
    try:
        found = reconcile.parsed(content)
    except ValueError as error:
        yield f"{name}: it is no JSON: {error}"
        return
    rows = list(_keys(found, json.loads(projections.rendered(feature)), name))
    yield from rows or [f"{name}: it says the same in other bytes"]


def _keys(found: Any, wanted: dict[str, Any], name: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{name}: it is no JSON object"
        return
    for key in {**wanted, **found}:
        if found.get(key) != wanted.get(key):
            yield f"{name}: {key} is {_short(found.get(key))}, the log says {_short(wanted.get(key))}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def copy_differences(workspace: Workspace) -> Iterator[str]:
    """Give a line for every row of the SQLite copy that is not as the log says."""
    from orchestrator.log.database import Database  # sqlite3: only here

    path = workspace.database_file
    name = _shown(workspace, path)
    if not path.exists():
        yield f"{name}: it is missing"
        return
    copy = Database(path)
    for row in copy.compare(workspace.journal):
        yield f"{name}: event {row.id}: {row.what}" if row.id else f"{name}: {row.what}"
    head = copy.head()
    if head is not None and head.id < workspace.head.id:
        yield f"{name}: it ends at event {head.id} of {workspace.head.id}"
