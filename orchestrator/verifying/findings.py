"""What a check says: the finding as people and programs read it, and what would mend it. Touches nothing.

An id is a promise: it keeps its meaning, and that of one that went is not given to another.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from orchestrator.core.values import FeatureId, Sha, Value

Severity = Literal["error", "warning", "note"]


class Finding(Value):
    """One thing that is not as it should be: `where` it is, `what` is wrong with it, `next` the one next step."""

    id: str
    severity: Severity
    where: str
    what: str
    next: str


class RefBack(Value):
    """The ref `name` is to hold `wanted` again; what it holds now, if anything, is kept under another name."""

    name: str
    wanted: Sha
    present: Sha | None


class BranchBack(Value):
    """A branch whose file git cannot read, after a power cut, is to hold its last recorded commit again."""

    branch: str
    file: Path
    commit: Sha


class TreeBack(Value):
    """The ref `name` is to hold a commit of `tree` again."""

    name: str
    tree: Sha
    present: Sha | None


class RescueBack(Value):
    """The rescue of `operation` is to be looked for among the commits that no ref holds."""

    name: str
    operation: str


class TarBack(Value):
    """Rollback point `n` is to have its tar again; `is_newest`: the newest backup's name too."""

    feature: FeatureId
    n: int
    snapshot: Sha
    is_newest: bool


class ContextBack(Value):
    """These files of a snapshot are to be put back into a `.context/`, where they are missing."""

    directory: Path
    snapshot: Sha
    names: tuple[str, ...]


class LogBack(Value):
    """The log is to be linked back from its second name."""

    second: Path


class MovedAside(Value):
    """A copy that does not fit the log is to be set aside; it is made again."""

    paths: tuple[Path, ...]


Mend = RefBack | BranchBack | TreeBack | RescueBack | TarBack | ContextBack | LogBack | MovedAside


class Found(Value):
    """A finding, and what mends it where `--repair` can. `feature` is whose it is, for the note in its state."""

    finding: Finding
    feature: FeatureId | None = None
    mend: Mend | None = None


REPAIR = "`orchestrator verify --repair` mends it"
ITSELF = "nothing to do: the next command that works with it ends it"


def error(id: str, where: str, what: str, next: str, mend: Mend | None = None, of: FeatureId | None = None) -> Found:
    """Return what keeps the kit from keeping its word."""
    return _found("error", id, where, what, next, mend, of)


def warning(id: str, where: str, what: str, next: str, mend: Mend | None = None, of: FeatureId | None = None) -> Found:
    """Return what works now and may not later."""
    return _found("warning", id, where, what, next, mend, of)


def note(id: str, where: str, what: str, next: str, mend: Mend | None = None, of: FeatureId | None = None) -> Found:
    """Return what is good to know, or ends by itself."""
    return _found("note", id, where, what, next, mend, of)


def _found(
    severity: Severity, id: str, where: str, what: str, next: str, mend: Mend | None, of: FeatureId | None
) -> Found:
    words = (where, " ".join(what.split()), next)
    where, what, next = (os.fsencode(one).decode(errors="backslashreplace") for one in words)  # a ref may be any bytes
    finding = Finding(id=id, severity=severity, where=where, what=what, next=next)
    return Found(finding=finding, feature=of, mend=mend)
