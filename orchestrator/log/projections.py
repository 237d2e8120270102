"""The state files: a feature's state in the user's own schema, and the log's second name in `.context/`.

One direction: written from the fold, never read as truth. What people write into them is told apart here
and decided elsewhere.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.adapters.durable import write_atomically
from orchestrator.core.state import Feature, Waiting
from orchestrator.core.steps import label
from orchestrator.core.values import PREFIX, Slug

VERSION = 1  # of the state files; a newer one is never written over
SUFFIX = "_orchestrator-state.json"
LOG = "orchestrator-events.jsonl"
DATABASE = "orchestrator-events.db"


def state_file(context: Path, slug: Slug) -> Path:
    """Return where a feature's state lies in a `.context/`."""
    return context / f"{PREFIX}{slug}{SUFFIX}"


def state(feature: Feature) -> dict[str, Any]:
    """Return a feature's state in the schema of the user's files, keys in their order."""
    known = {
        "feature": feature.id,
        "branch": feature.branch,
        "status": str(feature.status),
        "current_workflow": feature.place.workflow,
        "current_phase": label(feature),
        "gate": _gate(feature.gate),
        "workflows_completed": list(feature.workflows_completed),
        "attempts": dict(feature.attempts),
        "started_at": to_seconds(feature.started_at),
        "updated_at": to_seconds(feature.updated_at),
        "paused_until": feature.paused_until and to_seconds(feature.paused_until),
        "notes": [{"timestamp": to_seconds(one.timestamp), "note": one.note, **one.more} for one in feature.notes],
        "rollback_points": _points(feature),
        "version": VERSION,
        "event": {"id": feature.last, "hash": feature.last_hash},
    }
    return {**known, **feature.extra}


def to_seconds(timestamp: str) -> str:
    """Return an ISO 8601 time without its fraction: `2025-11-20T10:30:00-03:00`; other text as it is."""
    head, dot, rest = timestamp.partition(".")
    if not dot:
        return timestamp
    return head + rest.lstrip("0123456789")


def _gate(waiting: Waiting | None) -> dict[str, Any] | None:
    if waiting is None:
        return None
    return {
        "type": waiting.gate.type,
        "trigger": without_emoji(waiting.gate.heading),
        "reached_at": to_seconds(waiting.reached_at),
        "approved_at": waiting.approved_at,
        "approved_by": waiting.approved_by,
    }


def without_emoji(text: str) -> str:
    """Return a heading without its pictures, and without what their removal leaves at its ends."""
    kept = "".join(one for one in text if not _is_picture(one))
    return " ".join(kept.split())


def _is_picture(one: str) -> bool:
    code = ord(one)
    return (
        0x1F000 <= code <= 0x1FAFF
        or 0x2190 <= code <= 0x21FF
        or 0x2300 <= code <= 0x27BF
        or 0x2B00 <= code <= 0x2BFF
        or code in (0x200D, 0x20E3, 0xFE0E, 0xFE0F, 0x2122, 0x3030, 0x303D)
        or 0xE0020 <= code <= 0xE007F
    )


def _points(feature: Feature) -> list[dict[str, Any]]:
    """Return the rollback points that the branch still descends from, oldest first."""
    return [
        {
            "n": point.n,
            "tag": f"checkpoint/{feature.slug}/{point.n}",
            "commit": point.commit,
            "workflow": point.workflow,
            "phase": point.phase,
            "at": to_seconds(point.at),
            "backup": point.backup,
        }
        for point in feature.points
        if point.n in feature.ancestors
    ]


def rendered(feature: Feature) -> bytes:
    """Return the bytes of a feature's state file."""
    return msgspec.json.format(msgspec.json.encode(state(feature)), indent=2) + b"\n"


def write(context: Path, feature: Feature) -> None:
    """Write a feature's state into a `.context/` unless it stands there already. Raises NotRecorded."""
    path = state_file(context, feature.slug)
    content = rendered(feature)
    if found(path) != content:
        context.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)


def found(path: Path) -> bytes | None:
    """Return a state file's bytes, None where there is no readable plain file."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def slugs_found(context: Path) -> list[Slug]:
    """Return the names of the features whose state files lie in a `.context/`, sorted."""
    try:
        names = sorted(path.name for path in context.iterdir())
    except OSError:
        return []
    return [
        Slug(name[len(PREFIX) : -len(SUFFIX)]) for name in names if name.startswith(PREFIX) and name.endswith(SUFFIX)
    ]


def link_log(log: Path, context: Path) -> Path | None:
    """Give the log its second name in the main `.context/`; return the path of a stranger set aside.

    A copy where links are impossible; another file under that name is renamed, never overwritten.
    """
    name = context / LOG
    if not log.is_file():
        return None
    aside = None
    try:
        if name.exists() and name.samefile(log):
            return None
        context.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(name):
            aside = _aside(name, log)
        os.link(log, name)
    except FileExistsError:
        return aside
    except OSError:
        write_atomically(name, log.read_bytes(), 0o600)
    return aside


def _aside(path: Path, log: Path) -> Path | None:
    """Move a foreign file out of the log's name; an older copy of the log itself just goes."""
    if path.is_file() and log.read_bytes().startswith(path.read_bytes()):
        path.unlink()
        return None
    stamp = datetime.now().astimezone().strftime("%Y%m%dT%H%M%S%f")
    target = path.with_name(f"{path.name}.other-{stamp}")
    path.rename(target)
    return target
