"""What `verify --repair` is about to mend, kept beside the log until that is recorded.

A repair that was killed half-way has mended what nothing names any more: the next command tells from here.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager

import msgspec
from msgspec.structs import replace

from orchestrator.adapters.durable import content_of, fsync_directory, write_durably
from orchestrator.adapters.lock import queued
from orchestrator.core import decide
from orchestrator.core.events import Fact, NoteAdded
from orchestrator.core.state import World
from orchestrator.core.values import FeatureId, Value
from orchestrator.errors import Busy
from orchestrator.workspace import Workspace, now

_PLAN = "mending.json"
_PATIENCE = 30.0  # seconds for another repair
_TOKEN = secrets.token_hex(8)


class Planned(Value):
    """One thing that is about to be mended: of which feature, where, what is wrong with it, and by which process."""

    feature: FeatureId | None
    where: str
    what: str
    by: str = ""


def alone(workspace: Workspace, patience: float = _PATIENCE) -> AbstractContextManager[None]:
    """Return the hold of the repair, to be used with `with`; raises Busy where another one does not end."""
    workspace.make_home()
    path = workspace.home / "locks" / "repair"
    return queued(path, "the repository is being repaired", workspace.command, now, patience)


def plan(workspace: Workspace, planned: Sequence[Planned]) -> None:
    """Keep what is about to be mended, durably, until `recorded`."""
    if planned:
        ours = [replace(one, by=_self()) for one in planned]
        write_durably(workspace.home / _PLAN, msgspec.json.encode([*_found(workspace), *ours]))


def recorded(workspace: Workspace) -> None:
    """Forget what was planned, now that the log says what was done."""
    if (workspace.home / _PLAN).exists():
        (workspace.home / _PLAN).unlink()
        fsync_directory(workspace.home)


def tell(workspace: Workspace) -> None:
    """Record what a repair that was killed was about to mend, unless it is still at work."""
    if not (workspace.home / _PLAN).exists():
        return
    try:
        with alone(workspace, 0):
            if told(workspace):
                recorded(workspace)
    except Busy:
        return  # it records by itself


def told(workspace: Workspace) -> bool:
    """Record what was planned by others than this process, which holds the repair; tell whether there was any."""
    killed = [one for one in _found(workspace) if one.by != _self()]
    for feature in dict.fromkeys(one.feature for one in killed):
        rows = "; ".join(f"{one.where}: {one.what}" for one in killed if one.feature == feature)
        note(workspace, feature, f"verify --repair did not come to its end; what it was about to mend: {rows}")
    if killed:
        where = ", ".join(one.where for one in killed)
        workspace.notices.append(
            f"a `verify --repair` that did not come to its end was about to mend {where}; that is in the log now"
        )
    return bool(killed)


def note(workspace: Workspace, feature: FeatureId | None, text: str) -> None:
    """Record a note of the kit's own, in the state of `feature` where it is of one."""

    def rule(world: World) -> Sequence[Fact]:
        if feature is None or feature not in world.features:
            return [Fact(payload=NoteAdded(note=text))]
        return decide.noted(world.features[feature], text, "kit")

    workspace.record(rule)


def _self() -> str:
    return f"{os.getpid()} {_TOKEN}"


def _found(workspace: Workspace) -> list[Planned]:
    try:
        return msgspec.json.decode(content_of(workspace.home / _PLAN), type=list[Planned])
    except (OSError, msgspec.MsgspecError):  # there is none, or it is somebody else's
        return []
