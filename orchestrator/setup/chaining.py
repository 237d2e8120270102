"""One git hook: written beside the one that was there, which it calls, and taken away again. Never loses a hook.

At every moment git finds one of the two under the hook's name.
"""

from __future__ import annotations

import os
import re
import shutil
from enum import Enum, auto
from pathlib import Path

from orchestrator.adapters.durable import said_in_one_line, write_atomically
from orchestrator.assets import CHAINED, hook
from orchestrator.setup import framework
from orchestrator.setup.parts import File
from orchestrator.setup.record import Hooked, Places, digest, found

_HEAD = b"#!/bin/sh\n# orchestrator: "


class Standing(Enum):
    """What lies under a hook's name."""

    NOTHING = auto()
    CURRENT = auto()  # the very text that is wanted
    OURS = auto()  # another text of the kit's
    CHANGED = auto()  # the kit's, with changes by somebody
    FOREIGN = auto()
    BLOCKED = auto()  # foreign, and the place beside it is taken


def chained(path: Path) -> Path:
    """Return where the hook that was there before lies."""
    return path.with_name(f"{path.name}{CHAINED}")


def lying(path: Path) -> Path:
    """Return where the hook of ours for git's name `path` lies: there, or where the framework's hook there calls it.

    `pre-commit install` renames the hook that it finds.
    """
    legacy = path.with_name(f"{path.name}.legacy")
    is_moved = framework.is_installed(path) and (found(legacy) or b"").startswith(_HEAD)
    return legacy if is_moved else path


def standing(places: Places, wanted: File, known: Hooked | None) -> Standing:
    """Return what lies where `wanted` is to lie."""
    git_name = places.path(wanted.name)
    path = lying(git_name)
    if not os.path.lexists(path):
        return Standing.NOTHING
    content = found(path) or b""
    if content == wanted.content and os.access(path, os.X_OK):
        return Standing.CURRENT
    if _is_ours(content, git_name.name, known):
        return Standing.OURS
    if content.startswith(_HEAD):
        return Standing.CHANGED
    is_free = not os.path.lexists(chained(path)) or _is_same(path, chained(path))
    return Standing.FOREIGN if is_free else Standing.BLOCKED


def _is_ours(content: bytes, name: str, known: Hooked | None) -> bool:
    """Tell whether a text is the kit's, by the record or, where there is none, whatever its interpreter."""
    if known and digest(content) in known.digests:
        return True
    python, mode = "@an interpreter@", "detach"
    text = re.escape(hook(name, python).decode())
    pattern = text.replace(re.escape(f"'{python}'"), ".*").replace(f":\\-{mode}", ":\\-[a-z]+")
    return re.fullmatch(pattern, content.decode(errors="replace")) is not None


def recorded(places: Places, wanted: File, known: Hooked | None) -> Hooked:
    """Return the record of a hook that is about to be written."""
    now = standing(places, wanted, known)
    is_adopted = known is None and now is Standing.OURS and os.path.lexists(chained(places.path(wanted.name)))
    digests = known.digests if known else ()
    new = digest(wanted.content)
    return Hooked(
        digests=digests if new in digests else (*digests, new),
        is_chained=is_adopted or now is Standing.FOREIGN or bool(known and known.is_chained),
    )


def write(places: Places, wanted: File, known: Hooked | None) -> bool:
    """Write a hook; return whether one that was there is now called by it. Raises NotRecorded."""
    path = places.path(wanted.name)
    is_foreign = standing(places, wanted, known) is Standing.FOREIGN
    if is_foreign:
        _set_beside(path)
    write_atomically(lying(path), wanted.content, wanted.mode)
    return is_foreign


def _set_beside(path: Path) -> None:
    """Give the hook its second name; the first is taken over in the next step."""
    if os.path.lexists(chained(path)):  # an init died here
        return
    with said_in_one_line(chained(path)):
        try:
            os.link(path, chained(path), follow_symlinks=False)
        except (NotImplementedError, OSError):  # no hard links here
            shutil.copy2(path, chained(path), follow_symlinks=False)


def _is_same(path: Path, other: Path) -> bool:
    """Tell whether two names lead to the same hook, or to a copy of it."""
    if path.is_symlink() or other.is_symlink():
        return path.is_symlink() and other.is_symlink() and path.readlink() == other.readlink()
    return found(path) == found(other) and path.stat().st_mode == other.stat().st_mode


def undo(path: Path, known: Hooked) -> tuple[bool, bool]:
    """Take a hook away and put the one before it back; return whether it went, and whether one came back.

    One that somebody changed since stays, and so does the one beside it.
    """
    beside, path = chained(path), lying(path)
    has_beside = known.is_chained and os.path.lexists(beside)
    content = found(path)
    is_ours = content is not None and digest(content) in known.digests
    with said_in_one_line(path):
        if has_beside and not is_ours and os.path.lexists(path):
            if not _is_same(path, beside):
                return False, False
            beside.unlink()  # an init died before it wrote its own
            return False, True
        if has_beside:
            beside.replace(path)
            return True, True
        if is_ours:
            path.unlink()
        return is_ours, False


def is_left(path: Path, known: Hooked) -> bool:
    """Tell whether a hook stays because somebody changed it."""
    content = found(lying(path)) or b""
    is_held = known.is_chained and os.path.lexists(chained(path))
    return is_held or (content.startswith(_HEAD) and digest(content) not in known.digests)
