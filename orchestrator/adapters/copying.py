"""Copies files that git ignores from one worktree into another: never over a file, never out of either of them.

git itself says what a name or a glob stands for and what it ignores; nothing that git would commit is copied.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from orchestrator.adapters.durable import TEMPORARY, content_of, opened_plain
from orchestrator.adapters.git import Git
from orchestrator.core.values import Value

LIMIT = 256 << 20  # bytes of one entry: what is larger is installed by a setup, not copied
CLOSED = (".git", ".context")  # git's own, and what belongs to one feature each
_SHOWN = 3


class Copied(Value):
    """What came of one entry: whether it names anything, and why files were left out, a sentence each."""

    is_missing: bool = False
    left: tuple[str, ...] = ()


def copy(source: Path, target: Path, entry: str, limit: int = LIMIT) -> Copied:
    """Copy what `entry` (a name or a glob relative to the worktree `source`) names into the worktree `target`.

    A file that is there stays as it is. Permissions are kept; a link that leads out of `source` is left out.
    Called again after it was killed, it ends what it began. Raises GitFailed, OSError.
    """
    pathspec = f":(top,{'literal' if os.path.lexists(source / entry) else 'glob'}){entry}"
    git, ignored = Git(source), ("--others", "--ignored", "--exclude-standard")
    found = [name for name in git.names("ls-files", "-z", *ignored, "--", pathspec) if not _is_closed(name)]
    tracked = git.names("ls-files", "-z", "--", pathspec)
    loose = git.names("ls-files", "-z", "--others", "--exclude-standard", "--", pathspec)
    left = [_left(tracked, "git brings what is tracked"), _left(loose, "git does not ignore it and would commit it")]
    if not found:
        return Copied(is_missing=not tracked and not loose, left=_said(left))
    size = sum((source / name).lstat().st_size for name in found)
    if size > limit:
        larger = f"{shown(size)} is more than the {shown(limit)} that are copied; a setup can install it"
        return Copied(left=_said([*left, _left([entry], larger)]))
    return Copied(left=_said([*left, *_bring(source, target, found)]))


def shown(size: int) -> str:
    """Return a number of bytes for a person: `312 MB`, `1.4 GB`."""
    millions = size / 1e6
    return f"{millions / 1000:.1f} GB" if millions >= 1000 else f"{millions:.0f} MB" if millions >= 1 else f"{size} B"


def _is_closed(name: str) -> bool:
    parts = Path(name).parts
    return parts[0] in CLOSED or ".git" in parts


def _bring(source: Path, target: Path, names: Sequence[str]) -> list[str]:
    """Copy files first, then links; return why some were left out."""
    nested = [name for name in names if name.endswith("/")]
    plain = [name for name in names if not name.endswith("/") and not os.path.lexists(target / name)]
    barred = [name for name in plain if not _is_reachable(target, name)]
    open_ = [name for name in plain if name not in set(barred)]
    kept_out = _ignored(target, open_)
    wanted = [name for name in open_ if name in kept_out]
    for folder in {(target / name).parent for name in wanted}:
        _sweep(folder)
    links = [name for name in wanted if (source / name).is_symlink()]
    odd = []
    for name in (one for one in wanted if not (source / one).is_symlink()):
        if not stat.S_ISREG((source / name).lstat().st_mode):
            odd.append(name)
        else:
            _place(source, target, name, source / name)
    astray = [name for name in links if not _bring_link(source, target, name)]
    return [
        _left(nested, "it is a repository of its own"),
        _left(barred, "its folder is a link or a file in the feature's branch"),
        _left([one for one in open_ if one not in kept_out], "git does not ignore it there and would commit it"),
        _left(odd, "it is no plain file"),
        _left(astray, "the link leads nowhere, out of the repository or to a folder that is not copied"),
    ]


def _is_reachable(target: Path, name: str) -> bool:
    """Tell whether all folders on the way to a name are folders, or not there yet: nothing is written past a link."""
    folders = [target / folder for folder in Path(name).parents if folder.parts]
    return all(stat.S_ISDIR(one.lstat().st_mode) for one in folders if os.path.lexists(one))


def _ignored(tree: Path, names: Iterable[str]) -> set[str]:
    """Return those of the names that git ignores in a worktree, whose branch may have other rules."""
    stdin = b"".join(os.fsencode(name) + b"\0" for name in names)
    if not stdin:
        return set()
    done = Git(tree).run("check-ignore", "-z", "--stdin", stdin=stdin, accept=(0, 1))
    return {name for name in os.fsdecode(done.stdout).split("\0") if name}


def _bring_link(source: Path, target: Path, name: str) -> bool:
    """Make a link again where it leads to the same in the other worktree, else copy the file that it leads to."""
    path, leads = source / name, (source / name).readlink()
    try:
        end = path.resolve(strict=True).relative_to(source.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
    if _is_closed(str(end)) or not end.parts:
        return False
    _make_folders(source, target, name)
    there = (target / name).parent / leads
    if not leads.is_absolute() and os.path.lexists(there) and there.resolve() == target.resolve() / end:
        (target / name).symlink_to(leads)
        return True
    if not (source.resolve() / end).is_file():
        return False
    _place(source, target, name, source.resolve() / end)
    return True


def _place(source: Path, target: Path, name: str, content: Path) -> None:
    """Put a copy of `content` into the place of a name, whole or not at all, and never over what came there."""
    place = target / name
    with os.fdopen(opened_plain(content, os.O_RDONLY), "rb") as read:
        _make_folders(source, target, name)
        temporary = place.with_name(f"{TEMPORARY}{os.urandom(8).hex()}")
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as written:
                shutil.copyfileobj(read, written, 1 << 20)
                os.fchmod(written.fileno(), os.fstat(read.fileno()).st_mode & 0o777)
            os.link(temporary, place)
        except FileExistsError:
            return
        finally:
            temporary.unlink(missing_ok=True)


def _make_folders(source: Path, target: Path, name: str) -> None:
    for folder in reversed([one for one in Path(name).parents if one.parts]):
        if not (target / folder).is_dir():
            (target / folder).mkdir()
            (target / folder).chmod((source / folder).stat().st_mode & 0o777 | 0o700)


def _sweep(folder: Path) -> None:
    """Take away what a killed copy left half-written: it would be committed with the feature's work."""
    for one in folder.glob(f"{TEMPORARY}{'[0-9a-f]' * 16}"):
        one.unlink()


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two plain files hold the same bytes; False where one is not there, or no plain file."""
    try:
        both = [path.lstat() for path in (one, other)]
        if not all(stat.S_ISREG(found.st_mode) for found in both) or both[0].st_size != both[1].st_size:
            return False
        return content_of(one) == content_of(other)
    except OSError:
        return False


def _left(names: Sequence[str], why: str) -> str:
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more} not copied: {why}"


def _said(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, sentences))
