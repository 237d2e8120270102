"""What `verify --repair` is about to mend, kept beside the log until that is recorded.

A repair that was killed half-way has mended what nothing names any more: the next command tells from here.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import cache

import msgspec
from msgspec.structs import replace

from orchestrator.adapters.durable import content_of, fsync_directory, said_in_one_line, write_durably
from orchestrator.adapters.lock import queued
from orchestrator.core import decide
from orchestrator.core.events import Fact, NoteAdded
from orchestrator.core.state import World
from orchestrator.core.values import FeatureId, Value
from orchestrator.errors import Busy
from orchestrator.workspace import Workspace, now

_PLAN = "mending.json"
_PATIENCE = 30.0  # seconds for another repair


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


def once(workspace: Workspace, stack: ExitStack) -> Callable[[], None]:
    """Return what takes the hold of the repair, the first time that it is called, until `stack` is closed."""
    return cache(lambda: stack.enter_context(alone(workspace)))


def plan(workspace: Workspace, planned: Sequence[Planned]) -> None:
    """Keep what is about to be mended, durably, until `recorded`; who calls holds the repair."""
    path = workspace.home / _PLAN
    found = _found(workspace)
    if found is None:
        path.rename(path.with_name(f"{_PLAN}.aside-{now():%Y%m%dT%H%M%S%f}"))
    ours = [replace(one, where=_text(one.where), what=_text(one.what), by=own()) for one in planned]
    write_durably(path, msgspec.json.encode([*(found or []), *ours]))


def recorded(workspace: Workspace) -> None:
    """Forget what this process planned, now that the log says what was done."""
    _forget(workspace, own())


def tell(workspace: Workspace) -> None:
    """Record what a repair that was killed was about to mend, unless one is at work."""
    if not (workspace.home / _PLAN).exists():
        return
    with suppress(Busy), alone(workspace, 0):  # one that is at work records by itself
        for by in dict.fromkeys(one.by for one in _found(workspace) or [] if one.by != own()):
            _tell(workspace, by)
            _forget(workspace, by)


def _tell(workspace: Workspace, by: str) -> None:
    planned = [one for one in _found(workspace) or [] if one.by == by]
    named = {record.feature for record in workspace.journal.naming([signed(by)])}
    new = [one for one in planned if one.feature not in named]
    for feature in dict.fromkeys(one.feature for one in new):
        rows = "; ".join(f"{one.where}: {one.what}" for one in new if one.feature == feature)
        text = f"verify --repair did not come to its end; what it was about to mend: {rows} {signed(by)}"
        note(workspace, feature, text)
    if new:
        where = ", ".join(one.where for one in new)
        workspace.notices.append(
            f"a `verify --repair` that did not come to its end was about to mend {where}; that is in the log now"
        )


def _forget(workspace: Workspace, by: str) -> None:
    path = workspace.home / _PLAN
    found = _found(workspace)
    if not found:
        return
    left = [one for one in found if one.by != by]
    if left:
        write_durably(path, msgspec.json.encode(left))
        return
    with said_in_one_line(path):
        path.unlink(missing_ok=True)
    fsync_directory(workspace.home)


def note(workspace: Workspace, feature: FeatureId | None, text: str) -> None:
    """Record a note of the kit's own, in the state of `feature` where it is of one."""

    def rule(world: World) -> Sequence[Fact]:
        if feature is None or feature not in world.features:
            return [Fact(payload=NoteAdded(note=text))]
        return decide.noted(world.features[feature], text, "kit")

    workspace.record(rule)


def own() -> str:
    """Return the mark of this process's repair, by which its plan and its notes are told apart."""
    return _mark(os.getpid())


@cache
def _mark(process: int) -> str:
    return secrets.token_hex(4)


def signed(by: str) -> str:
    """Return how a note names the repair that it is of."""
    return f"(repair {by})"


def _text(said: str) -> str:
    return said.encode(errors="backslashreplace").decode()


def _found(workspace: Workspace) -> list[Planned] | None:
    """Return what is planned, or None where the file is not the kit's."""
    try:
        return msgspec.json.decode(content_of(workspace.home / _PLAN), type=list[Planned])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError):
        return None
