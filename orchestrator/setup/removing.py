"""Takes away what init wrote, byte for byte, and puts back what was changed. Never touches what a user changed since.

Each step can be taken again: a removal that died is called once more.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from orchestrator.adapters.durable import said_in_one_line, sync_filesystem, write_atomically
from orchestrator.core.values import Value
from orchestrator.setup import chaining, claude, framework, inserting, instructions, making
from orchestrator.setup.record import Inserted, Places, Record, digest, found
from orchestrator.setup.remaining import TRANSIENT


class Undone(Value):
    """What was taken away, by the names of the record. `left`: changed since, so it stays."""

    removed: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    back: tuple[str, ...] = ()  # hooks that were there before
    stages: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def is_something(self) -> bool:
        """Tell whether anything was taken away."""
        return bool(self.removed or self.restored or self.hooks or self.back or self.stages)


def undo(places: Places, record: Record) -> Undone:
    """Undo what a record names. Raises Refusal and NotRecorded; what was done by then is done."""
    framework.uninstall(places.main, record.stages)
    hooks = {name: chaining.undo(places.path(name), one) for name, one in record.hooks.items()}
    written = {name: _unlink(places.path(name), digests) for name, digests in record.written.items()}
    inserted = {name: _take_out(places, name, one) for name, one in record.inserted.items()}
    changed = [name for name, one in record.hooks.items() if chaining.is_left(places.path(name), one)]
    changed += [name for name, is_gone in written.items() if is_gone is False]
    changed += [name for name in inserted if _is_still_there(places, name)]
    out = [name for name, is_out in inserted.items() if is_out]
    for name in sorted(record.folders, key=len, reverse=True):
        _remove_folder(places.path(name))
    return Undone(
        removed=(*(name for name, is_gone in written.items() if is_gone), *_gone(places, out)),
        restored=tuple(name for name in out if name not in _gone(places, out)),
        hooks=tuple(name for name, (is_gone, _) in hooks.items() if is_gone),
        back=tuple(name for name, (_, is_back) in hooks.items() if is_back),
        stages=record.stages,
        left=tuple(changed),
    )


def _gone(places: Places, names: list[str]) -> list[str]:
    """Return those files of `names` that held nothing but init's text."""
    return [name for name in names if not places.path(name).exists()]


def forget(places: Places) -> None:
    """Remove the record itself, when all that it names is off the disk. Raises NotRecorded."""
    sync_filesystem(places.main)
    sync_filesystem(places.common)
    if not (places.home / "events.jsonl").exists():
        for name in TRANSIENT:
            (places.home / name).unlink(missing_ok=True)
    with said_in_one_line(places.file):
        places.file.unlink(missing_ok=True)
    _remove_folder(places.home)


def _unlink(path: Path, digests: tuple[str, ...]) -> bool | None:
    """Remove a file that is as it was written; return False where it is not, None where there is none."""
    if not os.path.lexists(path):
        return None
    content = None if path.is_symlink() else found(path)
    if content is None or digest(content) not in digests:
        return False
    with said_in_one_line(path):
        path.unlink()
    return True


def _take_out(places: Places, name: str, inserted: Inserted) -> bool:
    """Take the texts out of a file; a file that held nothing else goes. Return whether any was there."""
    path = places.path(name)
    before = found(path)
    if before is None:
        return False
    is_json = name == claude.FILE
    after = claude.without(before, inserted.texts) if is_json else _without_lines(before, inserted.texts)
    if after == before:
        return False
    if inserted.is_created and (claude.is_empty(after) if is_json else not after):
        with said_in_one_line(path):
            path.resolve().unlink()  # a link that led nowhere was there before
    else:
        rewrite(path, after)
    return True


def _without_lines(content: bytes, texts: tuple[str, ...]) -> bytes:
    for text in texts:
        rest = inserting.without(content, text)
        content = content if rest is None else rest
    return content


def rewrite(path: Path, content: bytes) -> None:
    """Replace the content of a user's file; its permissions stay, and a link goes on leading to it."""
    target = path.resolve()
    with said_in_one_line(path):
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        write_atomically(target, content, 0o666 if mode is None else mode)
        if mode is not None:
            target.chmod(mode)  # the umask does not count for a file that was there


def _is_still_there(places: Places, name: str) -> bool:
    """Tell whether a file holds what init put in, in words that are not init's."""
    path = places.path(name)
    if not path.is_file():
        return False
    is_left = {claude.FILE: claude.is_left, instructions.FILE: instructions.is_left}.get(name, making.is_included)
    return is_left(found(path))


def _remove_folder(path: Path) -> None:
    with contextlib.suppress(OSError):  # not empty: somebody has put something in, or it is gone
        path.rmdir()
