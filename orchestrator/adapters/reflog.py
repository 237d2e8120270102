"""What git itself wrote down about a branch: its reflog, read from where it was last read. Writes nothing."""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

from orchestrator.core.values import Sha, Value

_CHECKED = 160  # bytes before a position that its digest covers


class Entry(Value):
    """One move of a branch: from `old` (None: it was born) to `new` (None: it went), and git's word for it."""

    old: Sha | None
    new: Sha | None
    action: str


class Reading(Value):
    """What a reflog held after a position. `is_whole` is False where the position was not found any more."""

    entries: tuple[Entry, ...]
    position: str
    is_whole: bool


# An entry; a git that found the disk full leaves half of one, and the next is written behind it on the same line.
_ROW = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64}) (?:[0-9a-f]{40}|[0-9a-f]{64}) [^\t]*> \d+ [+-]\d{4}(?:\t|$)")


def path(common_dir: Path, branch: str) -> Path:
    """Return where git keeps the reflog of a branch (the "files" ref format)."""
    return common_dir / "logs" / "refs" / "heads" / branch


def end(common_dir: Path, branch: str) -> str:
    """Return the position behind the last entry, empty where there is no reflog."""
    return read(common_dir, branch, "").position


def read(common_dir: Path, branch: str, since: str) -> Reading:
    """Return the entries behind position `since` (empty: all). A branch without a reflog has none."""
    try:
        content = path(common_dir, branch).read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return Reading(entries=(), position="", is_whole=True)
    whole = content[: content.rfind(b"\n") + 1]
    start, is_whole = _start(whole, since)
    entries = tuple(_entry(row) for row in whole[start:].splitlines() if _ROW.match(row))
    return Reading(entries=entries, position=_position(whole), is_whole=is_whole)


def is_unread(common_dir: Path, branch: str, since: str) -> bool:
    """Tell by its size alone whether a reflog may hold something behind `since`; where there is none, it does not."""
    try:
        size = path(common_dir, branch).stat().st_size
    except OSError:
        return False
    return since.partition(":")[0] != str(size)


def _start(content: bytes, since: str) -> tuple[int, bool]:
    offset, _, digest = since.partition(":")
    if not since:
        return 0, True
    here = int(offset)
    if here <= len(content) and _digest(content, here) == digest:
        return here, True
    return 0, False


def _position(content: bytes) -> str:
    return f"{len(content)}:{_digest(content, len(content))}"


def _digest(content: bytes, offset: int) -> str:
    return sha256(content[max(0, offset - _CHECKED) : offset]).hexdigest()[:16]


def _entry(row: bytes) -> Entry:
    head, _, action = row.partition(b"\t")
    old, new, *_ = head.decode(errors="replace").split(" ")
    return Entry(old=_sha(old), new=_sha(new), action=os.fsdecode(action))


def _sha(name: str) -> Sha | None:
    return Sha(name) if name.strip("0") else None
