"""Takes in what happened without the kit: commits, edits of state files, states it has never seen.

Every command does it first. What only a person at a gate may decide is not taken over, and said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec

from orchestrator import checkpoints, mending, worktrees
from orchestrator.adapters import reflog
from orchestrator.core import decide, edits
from orchestrator.core.events import BranchMoved, CheckpointCreated, Fact, FeatureImported, Place, StateEdited
from orchestrator.core.state import Feature, World
from orchestrator.core.steps import stops_between
from orchestrator.core.values import PREFIX, FeatureId, Slug, feature_id, slug
from orchestrator.errors import BrokenLog, Busy, GitFailed, OrchestratorError, Refusal
from orchestrator.log import projections
from orchestrator.workspace import Workspace, about, now

LEFT_ALONE = "not imported, left alone"
MOVE_AWAY = "mend the file, or move it away"
_TRIES = 20  # looks at a state file that other commands keep writing


class Edit:
    """A state file that is not as the kit wrote it: what it holds, and what it was edited from."""

    def __init__(self, path: Path, new: dict[str, Any], old: dict[str, Any]) -> None:
        self.path = path
        self.new = new
        self.old = old

    @property
    def difference(self) -> dict[str, Any]:
        """The keys that the edit changed, with their new values."""
        keys = [key for key in {**self.old, **self.new} if key not in ("event", "version", "updated_at")]
        return {key: self.new.get(key) for key in keys if self.old.get(key) != self.new.get(key)}


def reconcile(workspace: Workspace, actor: str, who: str) -> None:
    """Import, adopt and drain. `actor` is who calls, `who` whoever edits files by hand.

    Raises OrchestratorError for a state file of a newer version: nothing is written then.
    """
    worktrees.clear_half_made(workspace)
    mending.tell(workspace)
    if not os.environ.get("ORCHESTRATOR_RUN_ID"):  # an agent starts no features by writing a file
        take_in_states(workspace, who)
    for feature in list(workspace.world.features):
        adopt(workspace, feature, who)
    checkpoints.drain(workspace, actor)
    for one in list(workspace.world.features.values()):
        if _is_void(workspace, one):
            _void(workspace, one.id)


# --- approvals -------------------------------------------------------------------------------------


def _is_void(workspace: Workspace, feature: Feature) -> bool:
    """Tell whether the commit of an approval that can still be taken back is on its branch no longer."""
    before, tip = feature.granted, feature.tip
    if before is None or before.commit in (None, tip) or tip is None or feature.ordered is not None:
        return False
    try:
        return before.commit is not None and not workspace.git.is_ancestor(before.commit, tip)
    except GitFailed:
        return False  # beyond a shallow clone's edge: not known, and not taken back by itself


def _void(workspace: Workspace, feature: FeatureId) -> None:
    reason = "the approved commit is on its branch no longer"

    def rule(world: World) -> list[Fact]:
        now = world.features[feature]
        return decide.take_back(now, "kit", reason, voided=True) if _is_void(workspace, now) else []

    if workspace.record(rule):
        name = workspace.world.features[feature].slug
        workspace.notices.append(f"{name}: its approval is void, {reason}; the gate waits again")


# --- states that the kit has never seen ------------------------------------------------------------


def take_in_states(workspace: Workspace, who: str) -> None:
    """Import every state file in the main `.context/` that the log knows nothing of."""
    known = {feature.slug for feature in workspace.world.features.values()}
    for name in projections.slugs_found(workspace.context):
        if name not in known:
            _import(workspace, name, who)


def _signed_before(workspace: Workspace, place: Place) -> str:
    """Return the first gate before a place that only a signature passes, in words; empty where there is none."""
    beginning = workspace.line.beginning() if workspace.signed else None
    stops = stops_between(workspace.line, beginning, place, ()) if beginning is not None else ()
    return next((f"{at.workflow} {gate.heading}" for at, gate in stops if str(gate.type) in workspace.signed), "")


def _import(workspace: Workspace, name: Slug, who: str) -> None:
    path = projections.state_file(workspace.context, name)
    try:
        state = _parsed(path)
    except ValueError as error:
        workspace.notices.append(f"{path}: {LEFT_ALONE}: {error}; {MOVE_AWAY}")
        return
    refuse_newer(path, state)
    wrong, mend = obstacle(workspace, workspace.world, name, state)
    tip = None if wrong else workspace.git.ref(f"refs/heads/{state['branch']}")
    if wrong or tip is None:
        workspace.notices.append(f"{path}: {LEFT_ALONE}: {wrong}; {mend}")
        return
    place, gate = edits.imported_place(workspace.line, state)
    if ahead := _signed_before(workspace, place):
        workspace.notices.append(
            f"{path}: {LEFT_ALONE}: it stands beyond {ahead}, which takes a signature; {MOVE_AWAY}"
        )
        return
    imported = FeatureImported(
        branch=state["branch"],
        commit=tip,
        place=place,
        state=state,
        gate=gate,
        reflog=reflog.end(workspace.repository.common_dir, state["branch"]),
    )
    feature = feature_id(name)

    def rule(world: World) -> list[Fact]:
        if feature in world.features or _taken(world, state["branch"]):
            return []
        fact = Fact(payload=imported, feature=feature, workflow=place.workflow, phase=place.phase, actor=who)
        return [fact]

    if not workspace.record(rule):
        return
    projections.write(workspace.context, workspace.world.features[feature])
    workspace.notices.append(f"imported {name} at workflow {place.workflow} from {path}")


def obstacle(workspace: Workspace, world: World, name: Slug, state: Any) -> tuple[str, str]:
    """Return what keeps a state of a feature unknown to `world` from being imported, and the mend; else twice nothing.

    `state` is a state file's JSON of no newer version.
    """
    try:
        slug(name)
    except Refusal as error:
        return str(error), MOVE_AWAY
    wrong = edits.problem(state) or _other_feature(state, name) or _taken(world, state["branch"])
    if wrong:
        return wrong, MOVE_AWAY
    if workspace.git.ref(f"refs/orchestrator/context/{name}") is not None:
        mend = "`orchestrator verify` names what is wrong with the log"
        return "the kit's own refs know this feature and the log does not", mend
    branch = state["branch"]
    if workspace.git.ref(f"refs/heads/{branch}") is None:
        return f"its branch {branch} is not there", f"make it: `git branch {branch} COMMIT`, or move the file away"
    return "", ""


def _taken(world: World, branch: str) -> str:
    """Return whose a branch is already, or an empty string: a second feature on it would walk round its gates."""
    owner = next((one for one in world.features.values() if one.branch == branch and not one.retired), None)
    return f"its branch belongs to feature {owner.slug}" if owner else ""


def _other_feature(state: Mapping[str, Any], name: Slug) -> str:
    given = state.get("feature")
    return "" if given in (f"{PREFIX}{name}", name) else f"it says feature {given!r}"


def _parsed(path: Path) -> Any:
    """Return a state file's JSON. Raises ValueError that names the line."""
    content = projections.found(path)
    if content is None:
        raise ValueError("it is no readable file")
    return parsed(content)


def parsed(content: bytes) -> Any:
    """Return the JSON of a state file's bytes. Raises ValueError that names the line."""
    import json  # its errors name the line, and it is read only where bytes are not ours

    try:
        state = json.loads(content)
        msgspec.json.encode(state)  # what could not be written again is not taken in
        return state
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start}: it is not UTF-8") from error
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character (\\ud800 to \\udfff)") from error
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def refuse_newer(path: Path, state: Any) -> None:
    """Raise OrchestratorError for a state file that a newer version wrote."""
    version = state.get("version", 1) if isinstance(state, dict) else 1
    if isinstance(version, int) and version > projections.VERSION:
        raise OrchestratorError(
            f"{path} was written by a newer version (schema {version}, this one knows {projections.VERSION})",
            "install that version of orchestrator",
        )


# --- edits -----------------------------------------------------------------------------------------


class _NewerError(Exception):
    """A state file knows an event that was not read yet."""


def adopt(workspace: Workspace, feature: FeatureId, who: str) -> None:
    """Take over what people wrote into a feature's state files, and write both again."""
    for _ in range(_TRIES):
        with workspace.alone():  # no thread of ours records meanwhile; other commands may
            try:
                _adopt(workspace, workspace.world.features[feature], who)
                return
            except _NewerError:
                workspace.load()
    raise Busy(f"the state of {feature} changes faster than it can be read", "call the command again")


def _adopt(workspace: Workspace, feature: Feature, who: str) -> None:
    wanted = projections.rendered(feature)
    paths = [projections.state_file(context, feature.slug) for context in workspace.contexts(feature)]
    if feature.retired or all(projections.found(path) == wanted for path in paths):
        return
    found = [edit for path in paths if (edit := _edit(workspace, feature, path)) is not None]
    edited = [edit for edit in found if edit.difference and not _is_adopted(workspace, feature, edit)]
    if edited:
        chosen = _chosen(workspace, edited)
        _record(workspace, feature, chosen, who)
    feature = workspace.world.features[feature.id]
    for context in workspace.contexts(feature):
        projections.write(context, feature)


def _edit(workspace: Workspace, feature: Feature, path: Path) -> Edit | None:
    """Return how a state file differs from what was written last; None where it is gone or was set aside."""
    if projections.found(path) is None and not path.exists():
        return None
    try:
        new = _parsed(path)
        refuse_newer(path, new)
        wrong = edits.problem(new)
    except ValueError as error:
        wrong = str(error)
        new = None
    if wrong:
        aside = _set_aside(path, "broken")
        workspace.notices.append(f"{path}: {wrong}; set aside as {aside.name} and rebuilt from the log")
        return None
    return None if _is_as_imported(workspace, feature, new) else Edit(path, new, _base(workspace, feature, new))


def _is_as_imported(workspace: Workspace, feature: Feature, new: Mapping[str, Any]) -> bool:
    """Tell whether a state is the very one that was imported: whoever did it was killed before it was written again.

    Commits may have come since; after anything else it is an edit that goes back.
    """
    own = [one.payload for one in workspace.events() if one.feature == feature.id]
    since = takewhile(lambda one: not isinstance(one, FeatureImported), reversed(own))
    if not all(isinstance(one, CheckpointCreated | BranchMoved) for one in since):
        return False
    return any(isinstance(one, FeatureImported) and one.state == new for one in own)


def _is_adopted(workspace: Workspace, feature: Feature, edit: Edit) -> bool:
    """Tell whether the log has this very edit: whoever adopted it was killed before the file was written again."""
    event = edit.new.get("event")
    since = event.get("id") if isinstance(event, dict) else None
    if not isinstance(since, int) or since >= feature.last:
        return False
    later = (one.payload for one in workspace.events() if one.feature == feature.id and one.id > since)
    return any(
        {key: change[1] for key, change in {**one.changes, **one.wanted}.items()} == edit.difference
        for one in later
        if isinstance(one, StateEdited)
    )


def _base(workspace: Workspace, feature: Feature, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that a file was edited from: that of the event it names, else the present one."""
    event = new.get("event")
    last, digest = (event.get("id"), event.get("hash")) if isinstance(event, dict) else (None, None)
    if isinstance(last, int) and last > feature.last and digest != feature.last_hash:
        raise _NewerError if _is_recorded(workspace, last) else _cut(feature, last)
    if not isinstance(last, int) or last >= feature.last:
        return _plain(projections.state(feature))
    then = workspace.state_at(feature.id, last)
    return _plain(projections.state(then or feature))


def _cut(feature: Feature, last: int) -> BrokenLog:
    return BrokenLog(
        f"the state of {feature.slug} knows event {last}, and the log does not: the log was cut or replaced",
        "orchestrator verify",
    )


def _is_recorded(workspace: Workspace, event: int) -> bool:
    """Tell whether the log has come to an event by now; a number that somebody made up is none."""
    return any(one.id == event for one in workspace.events())


def _plain(state: dict[str, Any]) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(state))
    return decoded


def _chosen(workspace: Workspace, edited: list[Edit]) -> Edit:
    """Return the edit that counts: the main worktree's; another, different one is set aside."""
    first, *others = edited
    for other in others:
        if other.difference != first.difference:
            aside = _set_aside(other.path, "conflict")
            workspace.notices.append(
                f"{other.path} was edited differently from {first.path}; the latter counts, the other is {aside.name}"
            )
    return first


def _record(workspace: Workspace, feature: Feature, edit: Edit, who: str) -> None:
    name = str(edit.path.relative_to(workspace.main)) if edit.path.is_relative_to(workspace.main) else str(edit.path)
    events = workspace.record(
        lambda world: edits.edited(world.features[feature.id], workspace.line, edit.old, edit.new, who, name)
    )
    for event in events:
        if isinstance(event.payload, StateEdited):
            taken = ", ".join(event.payload.changes) or ("position" if event.payload.place else "")
            if taken:
                workspace.notices.append(f"{feature.slug}: adopted the edit of {taken} in {name}")
            workspace.notices.extend(about(feature.slug, row) for row in event.payload.refused)


def _set_aside(path: Path, why: str) -> Path:
    target = path.with_name(f"{path.name}.{why}-{now():%Y%m%dT%H%M%S%f}")
    path.rename(target)
    return target


def edited_by_command(workspace: Workspace, feature: Feature, new: dict[str, Any], who: str) -> list[str]:
    """Record a `set`: the same rules as an edit by hand; return what was not taken over."""
    old = _plain(projections.state(feature))
    events = workspace.record(lambda world: edits.edited(world.features[feature.id], workspace.line, old, new, who))
    return [row for one in events if isinstance(one.payload, StateEdited) for row in one.payload.refused]
