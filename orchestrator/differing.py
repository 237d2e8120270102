"""What differs in a feature between two moments: state, context files, commits, code. Writes nothing.

States come from the fold at both moments, context files from the snapshots (now: the files themselves), the rest
from git, which may hold some of it no more: that is said in a line of its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from orchestrator import checkpoints, worktrees
from orchestrator.adapters import objects, snapshots
from orchestrator.adapters.git import Git
from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.state import Feature
from orchestrator.core.values import Sha, Value
from orchestrator.errors import GitFailed, MoveRefused, Refusal
from orchestrator.log import projections
from orchestrator.workspace import Workspace

_NEWS = ("event", "updated_at", "version")  # of every state, whatever changed
_COMMITS = 100  # listed in each direction
_LARGEST, _LINES = 262_144, 4_000  # bytes and lines of a file that is compared line by line
_SHOWN = 200  # lines of one file's difference
_Kind = TypeVar("_Kind")


class Moment(Value):
    """A moment of a feature: after event `event`, as `words` name it. `snapshot` is None for the files of now."""

    words: str
    event: int
    at: str
    feature: Feature
    commit: Sha | None
    snapshot: Sha | None
    is_now: bool = False


class File(Value):
    """A context file that differs: `how` is added, removed or changed, `lines` the difference, `more` what was cut."""

    name: str
    how: str
    bytes: int  # as it is at the second moment, else at the first
    lines: tuple[str, ...] = ()
    more: int = 0
    why: str = ""  # why it was not compared line by line


class Commit(Value):
    commit: Sha
    subject: str


class Commits(Value):
    """Commits that one moment has and the other has not, newest first; `count` of all of them."""

    count: int = 0
    listed: tuple[Commit, ...] = ()


class Change(Value):
    """A file of the code that differs: lines added and removed as git counts them, `-` where it is binary."""

    path: str
    added: str
    removed: str


class Difference(Value):
    """All that differs. What git does not hold any more is None, and `lost` says so, a line each."""

    begin: Moment
    end: Moment
    state: dict[str, tuple[Any, Any]]
    context: tuple[File, ...] | None
    left: Commits | None  # of the first moment alone: a rollback or a rewrite took them away
    made: Commits | None  # of the second moment alone
    code: tuple[Change, ...] | None
    uncommitted: tuple[str, ...] = ()  # where one moment is now
    lost: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether both moments are alike, as far as git can tell."""
        commits = [one for one in (self.left, self.made) if one is not None and one.count]
        return not (self.state or self.context or commits or self.code or self.uncommitted or self.lost)


def moment(workspace: Workspace, feature: Feature, words: str, event: int) -> Moment:
    """Return a feature as it was after event `event`. Raises Refusal where it was not started yet."""
    then = workspace.state_at(feature.id, event)
    if then is None:
        raise Refusal(f"{feature.slug} was not started yet at {words}", f"orchestrator log {feature.slug}")
    is_now = words == "now"
    mine = [one for one in workspace.events() if one.id <= event and one.feature == feature.id]
    tip = workspace.git.ref(f"refs/heads/{then.branch}") if is_now else None
    has_files = is_now and not then.retired and checkpoints.owner(workspace, then).directory.is_dir()
    return Moment(
        words=words,
        event=event,
        at=mine[-1].timestamp,
        feature=then,
        commit=tip or then.tip,
        snapshot=None if has_files else _snapshot(mine),
        is_now=has_files,
    )


def _snapshot(events: Iterable[Event]) -> Sha | None:
    """Return the snapshot that has the context files as they were after the last of a feature's events."""
    found: Sha | None = None
    orders: dict[str, Sha] = {}
    for event in events:
        match event.payload:
            case fact.RollbackOrdered(operation=operation, snapshot=target):
                orders[operation] = target
            case fact.RollbackExecuted(operation=operation) | fact.RollbackUndone(operation=operation):
                found = orders.get(operation, found)
            case _:
                pass
        found = fact.snapshot_taken(event.payload) or found
    return found


def difference(workspace: Workspace, begin: Moment, end: Moment) -> Difference:
    """Return what differs between two moments of a feature."""
    lost: list[str] = []
    git = workspace.git.unaltered()
    commits = _asked(lost, lambda: _commits(git, begin, end)) or (None, None)
    return Difference(
        begin=begin,
        end=end,
        state=_state(begin.feature, end.feature),
        context=_asked(lost, lambda: _context(workspace, begin, end)),
        left=commits[0],
        made=commits[1],
        code=_asked(lost, lambda: _code(git, begin, end)),
        uncommitted=_uncommitted(workspace, begin, end),
        lost=tuple(dict.fromkeys(lost)),
    )


def _asked(lost: list[str], question: Callable[[], _Kind]) -> _Kind | None:
    """Return git's answer, None where it has lost what was asked for; that is added to `lost`."""
    try:
        return question()
    except (GitFailed, MoveRefused) as error:
        lost.append(str(error))
        return None


# --- state -----------------------------------------------------------------------------------------


def _state(before: Feature, after: Feature) -> dict[str, tuple[Any, Any]]:
    """Return the fields of the state file that differ, old and new value."""
    old, new = projections.state(before), projections.state(after)
    names = [name for name in {**old, **new} if name not in _NEWS]
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


# --- context ---------------------------------------------------------------------------------------


def _context(workspace: Workspace, begin: Moment, end: Moment) -> tuple[File, ...]:
    before, after = (_listed(workspace, one) for one in (begin, end))
    names = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    old, new = (_contents(workspace, one, names) for one in (begin, end))
    return tuple(_file(name, old.get(name), new.get(name)) for name in names)


def _listed(workspace: Workspace, at: Moment) -> Mapping[str, Sha]:
    if at.is_now:
        digits = len(at.commit or workspace.git.text("rev-parse", "HEAD"))
        return snapshots.present(checkpoints.owner(workspace, at.feature), digits)
    if at.snapshot is None:
        return {}
    _ask_for(workspace.git, at.snapshot, f"the context files of {at.feature.slug} as they were at {at.words}")
    return snapshots.listed(workspace.git, at.snapshot)


def _contents(workspace: Workspace, at: Moment, names: Iterable[str]) -> dict[str, bytes]:
    if at.is_now:
        directory = checkpoints.owner(workspace, at.feature).directory
        there = (name for name in names if (directory / name).is_file())
        return {name: (directory / name).read_bytes() for name in there}
    if at.snapshot is None:
        return {}
    return {one.name: one.content for one in snapshots.contents(workspace.git, at.snapshot, frozenset(names))}


def _file(name: str, old: bytes | None, new: bytes | None) -> File:
    how = "added" if old is None else "removed" if new is None else "changed"
    size = len(new if new is not None else old or b"")
    why = _incomparable(old or b"") or _incomparable(new or b"")
    if why:
        return File(name=name, how=how, bytes=size, why=why)
    before, after = ((one or b"").decode(errors="replace").splitlines() for one in (old, new))
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]  # the heading says the name
    return File(name=name, how=how, bytes=size, lines=tuple(lines[:_SHOWN]), more=max(0, len(lines) - _SHOWN))


def _incomparable(content: bytes) -> str:
    if b"\0" in content:
        return "binary"
    return "too large to compare" if len(content) > _LARGEST or content.count(b"\n") > _LINES else ""


# --- git -------------------------------------------------------------------------------------------


def _ask_for(git: Git, commit: Sha, what: str) -> None:
    if git.commit(commit) is None:
        raise GitFailed(f"git lost {what} ({commit[:12]})")


def _both(git: Git, begin: Moment, end: Moment) -> tuple[Sha, Sha]:
    found = []
    for one in (begin, end):
        if one.commit is None:
            raise GitFailed(f"branch {one.feature.branch} was gone at {one.words}")
        _ask_for(git, one.commit, f"the commit of {one.feature.slug} at {one.words}")
        found.append(one.commit)
    return found[0], found[1]


def _commits(git: Git, begin: Moment, end: Moment) -> tuple[Commits, Commits]:
    one, other = _both(git, begin, end)
    return _between(git, other, one), _between(git, one, other)


def _between(git: Git, without: Sha, tip: Sha) -> Commits:
    if without == tip:
        return Commits()
    rows = git.names("log", "-z", f"--max-count={_COMMITS}", "--format=%H %s", tip, f"^{without}")
    listed = tuple(Commit(commit=Sha(row[: len(tip)]), subject=row[len(tip) + 1 :]) for row in rows)
    is_all = len(listed) < _COMMITS
    return Commits(count=len(listed) if is_all else _count(git, without, tip), listed=listed)


def _count(git: Git, without: Sha, tip: Sha) -> int:
    return int(git.text("rev-list", "--count", tip, f"^{without}"))


def _code(git: Git, begin: Moment, end: Moment) -> tuple[Change, ...]:
    one, other = _both(git, begin, end)
    found = objects.sizes(git, one, other)
    return tuple(Change(path=path, added=added, removed=removed) for path, (added, removed) in found.items())


def _uncommitted(workspace: Workspace, begin: Moment, end: Moment) -> tuple[str, ...]:
    """Return what is not committed in the feature's worktree, where one of the moments is now."""
    return tuple(_dirt(workspace, end.feature)) if begin.is_now or end.is_now else ()


def _dirt(workspace: Workspace, feature: Feature) -> Iterator[str]:
    worktree = worktrees.find(workspace, feature.branch)
    if worktree is not None and worktrees.is_there(worktree.path):
        yield from (name for name in Git(worktree.path).dirt() if not name.startswith(".context/"))
