"""What is compared of a site before and after a fault: what the log says, refs, files, and where bytes are. Looks only."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.core.state import World, fold
from orchestrator.log import projections
from orchestrator.log.facts import event
from orchestrator.log.journal import Journal, Problem
from orchestrator.workspace import now
from tests.crash.site import Site

# Made by the kit and made again from the log, or of no one's.
_KITS = re.compile(
    rb"orchestrator-events\..*|orchestrator-events-.*|feat-[^/]+_orchestrator-state\.json.*|feat-[^/]+_backup\.tar\.gz.*"
    rb"|backups|\.orchestrator-.*"
)
_VARIES = ("started_at", "updated_at", "event", "version")


@dataclass
class Facts:
    """A site as it was at one moment."""

    log: bytes
    problem: Problem | None
    events: Counter[tuple[str, str]]  # (feature, type)
    states: dict[str, dict[str, Any]]
    files: dict[bytes, str]  # below the site, without git's and the kit's: blob names, or what a link holds
    refs: dict[str, str] = field(default_factory=dict)
    staged: dict[str, set[str]] = field(default_factory=dict)  # by worktree: blob names in its index


def look(site: Site, deeply: bool = False) -> Facts:
    """Return the facts of a site; `deeply` with refs and what is staged."""
    world, events, problem = _world(site)
    states = {one.slug: _plain(projections.state(one), one.retired) for one in world.features.values()}
    log = site.log.read_bytes() if site.log.exists() else b""
    if not deeply:
        return Facts(log, problem, events, states, files(site))
    staged = {place.name: staged_in(site, place) for place in worktrees(site)}
    return Facts(log, problem, events, states, files(site), refs(site), staged)


def _world(site: Site) -> tuple[World, Counter[tuple[str, str]], Problem | None]:
    records, _, problem = Journal(site.log, now).read()
    events = [event(one) for one in records]
    return fold(World(), events), Counter((str(one.feature), one.event_type) for one in events), problem


def _plain(state: dict[str, Any], retired: bool) -> dict[str, Any]:
    """Return a state without what differs from run to run."""
    kept = {key: value for key, value in state.items() if key not in _VARIES}
    kept["gate"] = {**state["gate"], "reached_at": ""} if state["gate"] else None
    kept["notes"] = [note["note"] for note in state["notes"] if "does not end" not in note["note"]]
    kept["rollback_points"] = [(one["workflow"], one["phase"]) for one in state["rollback_points"]]
    return {**kept, "retired": retired}


def worktrees(site: Site) -> list[Path]:
    """Return the worktrees that git still knows."""
    linked = sorted((site.top / "shop.worktrees").glob("*/.git"))
    return [site.shop, *(one.parent for one in linked if Path(one.read_text()[len("gitdir: ") :].strip()).is_dir())]


def refs(site: Site) -> dict[str, str]:
    rows = site.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(row.split(" ", 1) for row in rows)


def staged_in(site: Site, place: Path) -> set[str]:
    """Return the blobs in a worktree's index."""
    rows = site.git("ls-files", "--stage", "-z", where=str(place.relative_to(site.top))).split("\0")
    return {row.split(" ", 2)[1] for row in rows if row}


def files(site: Site) -> dict[bytes, str]:
    """Return the files of all worktrees and their contexts, git's own and the kit's copies left out."""
    return {name: blob(path) for name, path in _walk(os.fsencode(site.top), b"")}


def _walk(top: bytes, below: bytes) -> Iterable[tuple[bytes, bytes]]:
    with os.scandir(os.path.join(top, below) if below else top) as entries:  # noqa: PTH118
        found = sorted(entries, key=lambda one: one.name)
    for entry in found:
        name = below + b"/" + entry.name if below else entry.name
        if entry.name == b".git" or (b"/.context" in below and _KITS.fullmatch(entry.name)):
            if entry.name == b".git" and entry.is_dir(follow_symlinks=False):
                yield from _hooks(entry.path, name)
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(top, name)
        else:
            yield name, entry.path


def _hooks(git: bytes, name: bytes) -> Iterable[tuple[bytes, bytes]]:
    folder = git + b"/hooks"
    for entry in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:  # noqa: PTH112,PTH208
        yield name + b"/hooks/" + entry, folder + b"/" + entry
    for one in (b"/config", b"/info/exclude"):
        if os.path.exists(git + one):  # noqa: PTH110
            yield name + one, git + one


def blob(path: bytes) -> str:
    """Return the name that git would give a file's content."""
    if os.path.islink(path):  # noqa: PTH114
        return "link " + os.fsdecode(os.readlink(path))  # noqa: PTH115
    with open(path, "rb") as file:  # noqa: PTH123
        return digest(file.read())


def digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def reachable(site: Site) -> dict[str, str]:
    """Return every object that a ref leads to, with a path at which it lies."""
    rows = site.git("rev-list", "--objects", "--all").splitlines()
    return {row.split(" ", 1)[0]: row.partition(" ")[2] for row in rows}


def findings(out: str) -> list[str]:
    """Return what `verify --json` found worse than a note."""
    found = json.loads(out)["findings"]
    return [f"{one['id']} {one['where']}: {one['what']}" for one in found if one["severity"] != "note"]
