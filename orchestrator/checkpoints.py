"""Makes checkpoints of what git already did: reads each branch's reflog from the last recorded position.

Refs and snapshots first, then the events, before which all of it is flushed. Runs no agent, moves no branch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from orchestrator.adapters import backups, reflog
from orchestrator.adapters.durable import said_in_one_line
from orchestrator.adapters.lock import queued
from orchestrator.adapters.reflog import Entry, Reading
from orchestrator.adapters.snapshots import Owner, snapshot
from orchestrator.core.decide import of
from orchestrator.core.events import (
    AnyPayload,
    BackupCreated,
    BranchMoved,
    CheckpointCreated,
    Fact,
    WorkflowStarted,
    snapshot_taken,
)
from orchestrator.core.state import Feature, World
from orchestrator.core.values import FeatureId, Sha, Slug, Value
from orchestrator.errors import NotRecorded, Refusal
from orchestrator.log.facts import event
from orchestrator.workspace import Workspace, about, now

REWRITES = ("reset", "rebase", "commit (amend)", "branch", "tip", "pull --rebase")
_LANDING = (0.0, 0.01, 0.05)  # seconds between two looks at a branch that is just moving


class Taken(Value):
    """A checkpoint about to be recorded: its commit, when that was made, and what git called it."""

    commit: Sha
    committed: str
    action: str


def ref(slug: Slug, n: int) -> str:
    """Return the ref that keeps a checkpoint."""
    return f"refs/orchestrator/checkpoint/{slug}/{n}"


def tag(slug: Slug, n: int) -> str:
    """Return the tag that people see."""
    return f"checkpoint/{slug}/{n}"


def owner(workspace: Workspace, feature: Feature) -> Owner:
    """Return which context files are the feature's: a linked worktree's all, in the main one those by name."""
    directory = workspace.own_context(feature)
    whole = directory != workspace.context
    return Owner(directory=directory, slug=feature.slug, whole=whole, slugs=workspace.slugs | {feature.slug})


@contextlib.contextmanager
def numbering(workspace: Workspace, patience: float = 30.0) -> Iterator[None]:
    """Hold the right to give out checkpoint numbers; wait up to `patience` seconds for whoever has it.

    Raises Busy and NotRecorded.
    """
    path = workspace.home / "checkpoints.lock"
    with queued(path, "checkpoints are being made", workspace.command, now, patience):
        yield


def marker(workspace: Workspace) -> Path:
    """Return where the hooks name the job that records in the background, so that there is but one."""
    return workspace.home / "drain"


def drain(workspace: Workspace, actor: str = "kit", only: FeatureId | None = None) -> int:
    """Record a checkpoint for every commit that has none yet; return how many were made.

    Cheap where nothing happened: one git process, one look at each reflog's size.
    """
    if not workspace.is_set_up:
        return 0
    if not marker(workspace).exists() and not any(True for _ in _moved(workspace, only)):
        return 0
    with numbering(workspace):
        with said_in_one_line(marker(workspace)):  # a job that died must not keep the next one away
            marker(workspace).unlink(missing_ok=True)
        return drain_held(workspace, actor, only)


def drain_held(workspace: Workspace, actor: str = "kit", only: FeatureId | None = None) -> int:
    """Do what `drain` does; the caller holds `numbering`."""
    workspace.load()
    tips = _tips(workspace)
    return sum(_drain(workspace, feature, tips.get(feature.branch), actor) for feature in _moved(workspace, only))


def unrecorded(workspace: Workspace) -> dict[FeatureId, Sha | None]:
    """Return the features whose branch may have moved since it was last read, with its tip."""
    tips = _tips(workspace)
    return {feature.id: tips.get(feature.branch) for feature in _moved(workspace, None)}


def _moved(workspace: Workspace, only: FeatureId | None) -> Iterator[Feature]:
    """Give the features whose branch may have moved since it was last read."""
    features = [one for one in workspace.world.features.values() if not one.retired and only in (None, one.id)]
    tips = _tips(workspace) if features else {}
    for feature in features:
        unread = reflog.is_unread(workspace.repository.common_dir, feature.branch, feature.reflog)
        if unread or tips.get(feature.branch) != feature.tip:
            yield feature


def _tips(workspace: Workspace) -> dict[str, Sha]:
    found = workspace.git.refs("refs/heads/")
    return {name.removeprefix("refs/heads/"): sha for name, sha in found.items()}


def _drain(workspace: Workspace, feature: Feature, tip: Sha | None, actor: str) -> int:
    reading, tip = _settled(workspace, feature, tip)
    entries = _entries(feature, reading, tip)
    position = reading.position or feature.reflog  # a branch that went may come back with its reflog, by a rename
    if not entries and tip == feature.tip and position == feature.reflog:
        return 0
    taken = _unrecorded(workspace, feature, entries)
    still = ancestors(workspace, feature, tip) if _may_lose(entries) else None
    name_newest_backup(workspace, feature, still or ())
    if not taken:
        action = entries[-1].action if entries else "read again"
        moved = BranchMoved(commit=tip, action=action, reflog=position, ancestors=still)
        workspace.record(lambda world: _if_known(world, feature.id, [moved], actor))
        return 0
    points = _make(workspace, feature, taken, tip)
    is_at_tip = taken[-1].commit == tip
    payloads = _payloads(feature, taken, points, position if is_at_tip else "", still)
    ended = [] if is_at_tip else [BranchMoved(commit=tip, reflog=position, ancestors=still)]
    workspace.record(lambda world: _if_known(world, feature.id, [*payloads, *ended], actor))
    keep_tags(workspace, feature, feature.next_n + len(taken) - 1)
    return len(taken)


def _settled(workspace: Workspace, feature: Feature, tip: Sha | None) -> tuple[Reading, Sha | None]:
    """Return what the branch's reflog holds and the tip that goes with it.

    Git writes the two one after the other: looked at in between, a commit that is just made would be taken for gone.
    """
    for pause in _LANDING:
        reading = reflog.read(workspace.repository.common_dir, feature.branch, feature.reflog)
        if not reading.entries or reading.entries[-1].new == tip:
            return reading, tip
        time.sleep(pause)
        tip = workspace.git.ref(f"refs/heads/{feature.branch}")
    return reflog.read(workspace.repository.common_dir, feature.branch, feature.reflog), tip


def _if_known(
    world: World, feature: FeatureId, payloads: Sequence[CheckpointCreated | BranchMoved], actor: str
) -> list[Fact]:
    present = world.feature(feature)
    return [] if present is None else [of(present, payload, actor) for payload in payloads]


def _entries(feature: Feature, reading: Reading, tip: Sha | None) -> list[Entry]:
    """Return the moves that are news; where the reflog cannot tell, the tip alone."""
    entries = list(reading.entries)
    if not reading.is_whole:
        entries = _since(entries, feature.tip)
    last = entries[-1].new if entries else feature.tip
    if tip is not None and last != tip:
        entries.append(Entry(old=last, new=tip, action="tip"))
    return entries


def _since(entries: list[Entry], tip: Sha | None) -> list[Entry]:
    """Return what is news in a reflog that was cut or begun anew: what follows `tip`, else all since its birth.

    One without its beginning tells of times before the feature, too: there its last move alone counts.
    """
    ends = [place + 1 for place, entry in enumerate(entries) if entry.new == tip]
    begins = [place for place, entry in enumerate(entries) if entry.old == tip]
    if ends or begins:
        return entries[max((*ends, *begins)) :]
    return entries if entries and entries[0].old is None else entries[-1:]


def _may_lose(entries: Sequence[Entry]) -> bool:
    return any(entry.action.startswith(REWRITES) or entry.new is None for entry in entries)


def ancestors(workspace: Workspace, feature: Feature, tip: Sha | None) -> tuple[int, ...]:
    """Return the numbers of the rollback points whose commits lead to `tip`."""
    if tip is None or not feature.points:
        return ()
    merged = workspace.git.lines(
        "for-each-ref", f"--merged={tip}", "--format=%(refname)", f"refs/orchestrator/checkpoint/{feature.slug}/"
    )
    numbers = {int(name.rsplit("/", 1)[1]) for name in merged}
    return tuple(point.n for point in feature.points if point.n in numbers)


def name_newest_backup(workspace: Workspace, feature: Feature, points: Sequence[int]) -> None:
    """Let the newest backup be that of the last of these rollback points; where it cannot be, that is said and no more.

    What happened is recorded all the same: `verify` finds the wrong one, and mends it.
    """
    try:
        backups.name_newest(feature.slug, workspace.main, points)
    except NotRecorded as error:
        workspace.notices.append(about(feature.slug, str(error)))


def _unrecorded(workspace: Workspace, feature: Feature, entries: Sequence[Entry]) -> list[Taken]:
    """Return the commits among `entries` that are there and have no checkpoint yet, each once, oldest first.

    An entry may be none of a move: a branch that is renamed stays where it is.
    """
    shas = list(dict.fromkeys(entry.new for entry in entries if entry.new not in (None, entry.old)))
    if not shas:
        return []
    recorded = _recorded(workspace, feature, shas)
    fresh = [sha for sha in shas if sha not in recorded]
    actions = {entry.new: entry.action for entry in entries}
    if any(not actions[sha].startswith("commit") for sha in fresh):  # one that is made is new, others may be old
        told = _told(workspace, feature, fresh)
        fresh = [sha for sha in fresh if sha not in told]
    if not fresh:
        return []
    rows = workspace.git.lines("log", "--no-walk=unsorted", "--ignore-missing", "--format=%H %cI", *fresh)
    times = dict(row.split(" ", 1) for row in rows)
    return [Taken(commit=sha, committed=times[sha], action=actions[sha]) for sha in fresh if sha in times]


def _recorded(workspace: Workspace, feature: Feature, shas: Sequence[Sha]) -> set[Sha]:
    """Return those of `shas` that are checkpoints; a ref that a crash left unrecorded is none."""
    points = [f"--points-at={sha}" for sha in shas]
    rows = workspace.git.lines(
        "for-each-ref",
        *points,
        "--format=%(objectname) %(refname)",
        f"refs/orchestrator/checkpoint/{feature.slug}/",
    )
    pairs = (row.split(" ", 1) for row in rows)
    return {Sha(sha) for sha, name in pairs if int(name.rsplit("/", 1)[1]) < feature.next_n}


def _told(workspace: Workspace, feature: Feature, shas: Sequence[Sha]) -> set[Sha]:
    """Return those of `shas` that are checkpoints by the log: their refs may have been deleted by hand."""
    events = [event(record) for record in workspace.journal.naming(shas)]
    made = (one.payload for one in events if one.feature == feature.id)
    return {one.commit for one in made if isinstance(one, CheckpointCreated)}


def _make(workspace: Workspace, feature: Feature, taken: Sequence[Taken], tip: Sha | None) -> Sha:
    """Write the refs, tags and the one snapshot of `taken`; return the snapshot. Recorded, they are durable."""
    newest = taken[-1].commit
    made = take_snapshot(workspace, feature, newest)
    write_refs(workspace, feature, [one.commit for one in taken])
    return made


def take_snapshot(workspace: Workspace, feature: Feature, commit: Sha) -> Sha:
    """Snapshot the feature's context; its message says how far the log went."""
    head = workspace.head
    message = f"orchestrator context of {feature.slug}\n\nlog {head.id} {head.hash}\n"
    index = workspace.home / "index" / feature.slug
    index.parent.mkdir(parents=True, exist_ok=True)

    def earlier() -> Iterable[Sha]:
        if feature.next_n == 1:
            return ()
        known = [event(one) for one in workspace.journal.records() if one.feature == feature.id]
        return (sha for one in reversed(known) if (sha := snapshot_taken(one.payload)))

    return snapshot(workspace.git, owner(workspace, feature), commit, message, index, earlier).commit


def write_refs(workspace: Workspace, feature: Feature, commits: Sequence[Sha]) -> None:
    """Write the refs of the next checkpoints, and the tags of those that are to have one."""
    tags = workspace.configuration.checkpoints.tags
    commands = []
    for n, commit in enumerate(commits, feature.next_n):
        commands.append(f"update {ref(feature.slug, n)} {commit}")
        if n > feature.next_n + len(commits) - 1 - tags:
            commands.append(f"update refs/tags/{tag(feature.slug, n)} {commit}")
    workspace.git.update_refs(commands)


def keep_tags(workspace: Workspace, feature: Feature, newest: int) -> None:
    """Delete the tags of checkpoints older than the newest `[checkpoints] tags`; their refs stay."""
    keep = workspace.configuration.checkpoints.tags
    found = workspace.git.refs(f"refs/tags/checkpoint/{feature.slug}/")
    numbered = {name: int(name.rsplit("/", 1)[1]) for name in found if name.rsplit("/", 1)[1].isdigit()}
    workspace.git.update_refs([f"delete {name} {found[name]}" for name, n in numbered.items() if n <= newest - keep])


def _payloads(
    feature: Feature, taken: Sequence[Taken], made: Sha, position: str, still: tuple[int, ...] | None
) -> list[CheckpointCreated]:
    """Return the events; only the last tells how far the reflog was read: the log may be torn between two of them."""
    at = now().isoformat(timespec="milliseconds")
    run = feature.attempt.run if feature.attempt else ""
    last = feature.next_n + len(taken) - 1
    return [
        CheckpointCreated(
            n=n,
            commit=one.commit,
            snapshot=made,
            taken=at,
            committed=one.committed,
            action=one.action,
            run=run,
            late=n < last,
            reflog=position if n == last else "",
            ancestors=still if n == last else None,
        )
        for n, one in enumerate(taken, feature.next_n)
    ]


def take_point(workspace: Workspace, feature: Feature, cause: str, started: WorkflowStarted | None = None) -> int:
    """Make a rollback point of what is committed: refs, snapshot, tar, then their events; return its N.

    `started` is recorded with it where a workflow begins. Raises Refusal where the branch is gone.
    """
    with numbering(workspace):
        feature = workspace.load().features[feature.id]
        commit = workspace.git.ref(f"refs/heads/{feature.branch}")
        if commit is None:
            raise Refusal(f"branch {feature.branch} of {feature.slug} is gone", "orchestrator status")
        n = feature.next_n
        made = take_snapshot(workspace, feature, commit)
        write_refs(workspace, feature, [commit])
        tar = backups.write(owner(workspace, feature), workspace.main, n)
        checkpoint = CheckpointCreated(
            n=n, commit=commit, snapshot=made, cause=cause, taken=now().isoformat(timespec="milliseconds")
        )
        backup = BackupCreated(
            n=n,
            commit=commit,
            snapshot=made,
            path=tar.path,
            sha256=tar.sha256,
            files=tar.files,
            bytes=tar.bytes,
            cause=cause,
            dropped=_beyond(feature, workspace.configuration.backups.keep - 1),
        )
        begun: list[AnyPayload] = [replace(started, n=n)] if started else []
        workspace.record(lambda world: [of(world.features[feature.id], one) for one in (checkpoint, backup, *begun)])
    keep_tags(workspace, feature, n)
    feature = workspace.world.features[feature.id]
    needed = {point.backup for point in feature.points}
    backups.retain(workspace.main, feature.slug, workspace.configuration.backups.keep, needed)
    return n


def _beyond(feature: Feature, keep: int) -> tuple[int, ...]:
    """Return the rollback points that `keep` leaves no room for; never the one an automatic rollback needs."""
    needed = [one.n for one in feature.points if one.cause == "workflow"][-1:]
    old = feature.points[: max(0, len(feature.points) - keep)]
    return tuple(one.n for one in old if one.n not in needed)


def instant(moment: str) -> float:
    """Return an ISO 8601 time as seconds since the epoch."""
    return datetime.fromisoformat(moment).timestamp()
