"""The log itself: whether it is there, holds line by line, can be read, and is the one that was there before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from orchestrator.adapters.durable import content_of
from orchestrator.log import projections
from orchestrator.log.journal import Journal
from orchestrator.log.records import Head
from orchestrator.verifying.findings import REPAIR, Found, LogBack, MovedAside, error, note, warning
from orchestrator.verifying.sight import Sight
from orchestrator.workspace import Workspace, now


class _Kept(msgspec.Struct):
    """Of the kept fold only how far it read."""

    head: Head


ANCHOR = re.compile(r"^log (\d+) ([0-9a-f]{64})$", re.MULTILINE)
_EVENT = re.compile(rb'"event"\s*:\s*\{')  # in a state that the kit wrote; a state of the user's own has none
_COMPARE = "keep a copy of the repository as it is, and compare its log with a backup's: nothing here knows the truth"
_PUT_BACK = "put the log back from a backup of the repository; `orchestrator log` shows what is whole before that line"


def missing(workspace: Workspace) -> Found | None:
    """Return what to say of a clone without a log; None where it has one."""
    if workspace.is_set_up:
        return None
    where = str(workspace.log)
    if not _was_there(workspace):
        return note("V100", where, "there is no log in this clone: nothing was started here", "orchestrator start NAME")
    second = workspace.context / projections.LOG
    if holds(second):
        what = f"the log is gone; its second name {second} holds it"
        return error("V101", where, what, REPAIR, LogBack(second=second))
    return error("V101", where, "the log is gone, and its second name does not hold it", _PUT_BACK)


def _was_there(workspace: Workspace) -> bool:
    """Tell whether something is left that only a log leads to; what `init` and the hooks leave is no sign of one."""
    if workspace.git.refs("refs/orchestrator/"):
        return True
    if not workspace.home.is_dir():  # a log or states that are tracked came with the clone, and are another one's
        return False
    states = [projections.state_file(workspace.context, one) for one in projections.slugs_found(workspace.context)]
    is_stated = any(_EVENT.search(projections.found(one) or b"") for one in states)
    return is_stated or (workspace.home / "fold.json").exists() or (workspace.context / projections.LOG).exists()


def holds(path: Path) -> bool:
    """Tell whether a file is a log that holds from its first line on; its end may be torn."""
    with Journal(path, now).walk() as walk:
        count = sum(1 for _ in walk)
        return count > 0 and (walk.problem is None or walk.problem.is_tail)


def lines(sight: Sight) -> Iterator[Found]:
    """Name every piece of the log that does not hold."""
    for problem in sight.problems:
        where = f"{sight.workspace.log}, line {problem.line}, byte {problem.offset}"
        if problem.is_tail:
            yield warning(
                "V103", where, f"the log ends in a torn piece: {problem.why}", "the next command sets it aside"
            )
        else:
            yield error("V102", where, f"the log does not hold: {problem.why}; nothing is written after it", _PUT_BACK)


def readable(sight: Sight) -> Iterator[Found]:
    """Name an event that this version does not know."""
    if sight.unreadable:
        yield error("V104", str(sight.workspace.log), sight.unreadable, "install the version that wrote it")


def anchors(sight: Sight) -> Iterator[Found]:
    """Compare the log with its heads as the context snapshots carry them: a log that was written anew differs."""
    for snapshot, number, digest in _anchored(sight):
        if _differs(sight, number, digest):
            what = f"it was taken when event {number} was {digest[:12]}..., which the log does not hold"
            yield error("V112", f"context snapshot {snapshot}", f"{what}: the log was cut or written anew", _COMPARE)
            return  # one shows it; the others only repeat it


def _differs(sight: Sight, number: int, digest: str) -> bool:
    return number > sight.head or sight.hashes[number] != digest


def _anchored(sight: Sight) -> Iterator[tuple[str, int, str]]:
    """Give each snapshot that the context refs lead to, and the log's head (id, hash) in its message."""
    tips = "".join(f"{sha}\n" for name, sha in sight.refs.items() if name.startswith("refs/orchestrator/context/"))
    if not tips:
        return
    asked = ("log", "--first-parent", "--no-show-signature", "--format=%H%x00%B%x01", "--stdin")
    said = sight.git.run(*asked, stdin=tips.encode(), accept=(0, 128)).stdout  # 128: an object is gone, see V309
    for row in said.decode(errors="replace").split("\x01"):
        snapshot, _, message = row.strip("\n").partition("\0")
        head = ANCHOR.search(message)
        if head:
            yield snapshot, int(head[1]), head[2]


def kept_head(sight: Sight) -> Iterator[Found]:
    """Compare the log with its head as the kept fold has it: a log that was cut is shorter."""
    path = sight.workspace.home / "fold.json"
    head = _head_kept(path)
    if head is not None and _differs(sight, head.id, head.hash):
        what = f"it was last read up to event {head.id} ({head.hash[:12]}...), which the log does not hold"
        mend = MovedAside(paths=(path,))  # what was there is lost; the log goes on, and says that it was
        yield error("V105", str(sight.workspace.log), f"{what}: the log was cut or written anew", _COMPARE, mend)


def _head_kept(path: Path) -> Head | None:
    try:
        return msgspec.json.decode(content_of(path).partition(b"\n")[2], type=_Kept).head
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None  # that it is broken is said elsewhere


def torn_pieces(sight: Sight) -> Iterator[Found]:
    """Name what was torn once and set aside."""
    for path in sorted(sight.workspace.home.glob("events.torn-*")):
        what = f"a torn end of the log, {path.stat().st_size} bytes, was set aside here"
        yield note("V113", str(path), what, "look whether it holds anything you miss; the kit does not need it")
