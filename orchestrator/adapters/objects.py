"""Reads git's objects and names each anew from its bytes: what lies under a false name is noticed. Changes none.

git itself believes the loose objects that it reads, and any process of the same user can write these.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.adapters.git import Git
from orchestrator.core.values import Sha, Value
from orchestrator.errors import GitFailed

_HASHES = {40: hashlib.sha1, 64: hashlib.sha256}
_TREE, _SUBMODULE = b"40000", b"160000"
_MODES = (_TREE, b"100644", b"100755", b"100664", b"120000", _SUBMODULE)
_AT_ONCE = 32  # files in memory


def read(git: Git, names: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    """Return objects by their names: kind and content. Raises GitFailed for one that is not what its name says."""
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return {}
    stream = git.run("cat-file", "--batch", stdin="".join(f"{one}\n" for one in wanted).encode()).stdout
    found: dict[str, tuple[str, bytes]] = {}
    for name in wanted:
        head, _, stream = stream.partition(b"\n")
        words = head.decode(errors="replace").split()
        if len(words) != 3 or len(name) not in _HASHES:
            raise GitFailed(f"git does not hold the object {name[:12]}")
        kind, size = words[1], int(words[2])
        content, stream = stream[:size], stream[size + 1 :]
        if _HASHES[len(name)](f"{kind} {size}\0".encode() + content).hexdigest() != name:
            raise GitFailed(f"git holds something else under {name[:12]} than that name says")
        found[name] = (kind, content)
    return found


def tree_of(git: Git, commit: Sha) -> Sha:
    """Return the tree of a commit. Raises GitFailed as `read`."""
    kind, content = read(git, [commit])[commit]
    if kind != "commit":
        raise GitFailed(f"{commit[:12]} is no commit")
    return Sha(content.split(b"\n", 1)[0].removeprefix(b"tree ").decode())


def changed(git: Git, base: Sha, tip: Sha) -> list[str]:
    """Return the names of the files in which two commits differ, sorted; a submodule counts as one.

    Their contents are not looked at. Raises GitFailed as `read`.
    """
    return _differing(git, tree_of(git, base), tree_of(git, tip), {}).names


def sizes(git: Git, base: Sha, tip: Sha) -> dict[str, tuple[str, str]]:
    """Return the files in which two commits differ, each with git's count of lines added and removed, `-` if binary.

    Counted in a copy that holds only objects that are what their names say. Raises GitFailed as `read`.
    """
    words = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=none", "--text", "--numstat")
    with _compared(git, base, tip) as found:
        rows = found.apart.names("diff-tree", "-r", "-z", *words, found.old, found.new) if found.names else []
    counts = {name: (added, removed) for added, removed, name in (row.split("\t", 2) for row in rows)}
    return {name: counts.get(name, ("?", "?")) for name in found.names}


def patches(git: Git, base: Sha, tip: Sha, names: Sequence[str]) -> dict[str, bytes]:
    """Return git's patch of each of these files between two commits; of a binary one only that it differs.

    Made in a copy as `sizes`, a call of git for each: a patch names its files in ways of its own. Raises GitFailed as
    `read`.
    """
    words = ("--no-ext-diff", "--no-textconv", "--no-renames", "--ignore-submodules=none", "--no-color", "-p")
    if not names:
        return {}
    with _compared(git, base, tip) as found:
        literal = found.apart.within({"GIT_LITERAL_PATHSPECS": "1"})
        ends = (found.old, found.new)
        return {one: literal.run("diff-tree", "-r", *words, *ends, "--", one).stdout for one in names}


class _Compared(Value):
    apart: Git
    old: Sha
    new: Sha
    names: list[str]


@contextlib.contextmanager
def _compared(git: Git, base: Sha, tip: Sha) -> Iterator[_Compared]:
    """Give git in a copy that holds two commits' trees and the files in which they differ, each what its name says."""
    old, new = tree_of(git, base), tree_of(git, tip)
    trees: dict[str, tuple[str, bytes]] = {}
    found = _differing(git, old, new, trees)
    with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:
        apart = _apart(git, Path(folder), len(old))
        place = Path(folder) / "objects"
        _put(place, trees)
        for at in range(0, len(found.contents), _AT_ONCE):
            _put(place, read(git, found.contents[at : at + _AT_ONCE]))
        yield _Compared(apart, old, new, found.names)


def _apart(git: Git, folder: Path, length: int) -> Git:
    """Return git in a bare repository of its own: no attribute and no configuration of the clone has a say there."""
    for name in ("objects", "refs"):
        (folder / name).mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    kind = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n" if length == 64 else ""
    (folder / "config").write_text(f"[core]\n\tbare = true\n\tattributesFile = {os.devnull}\n{kind}")
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
    return git.moved(folder).within({"GIT_DIR": str(folder), **nowhere})


def _put(place: Path, found: Mapping[str, tuple[str, bytes]]) -> None:
    """Write objects into a folder as git keeps them there, one by one."""
    for name, (kind, content) in found.items():
        folder = place / name[:2]
        folder.mkdir(exist_ok=True)
        (folder / name[2:]).write_bytes(zlib.compress(f"{kind} {len(content)}\0".encode() + content, 1))


class _Differing(Value):
    names: list[str]
    contents: list[str]  # the objects of the files on both sides


def _differing(git: Git, old: Sha, new: Sha, seen: dict[str, tuple[str, bytes]]) -> _Differing:
    """Return in what two trees differ; puts the trees that it read into `seen`."""
    found: list[bytes] = []
    contents: list[str] = []
    pairs = [(b"", str(old), str(new))]
    while pairs:
        pairs = [pair for pair in pairs if pair[1] != pair[2]]
        trees = read(git, [one for _, *two in pairs for one in two if one])
        seen.update(trees)
        below: list[tuple[bytes, str, str]] = []
        for folder, one, other in pairs:
            before, after = (_entries(trees[end][1], len(end) // 2) if end else {} for end in (one, other))
            for name in before.keys() | after.keys():
                ends = before.get(name), after.get(name)
                _sort_out(folder + name, *ends, found, below)
                if ends[0] != ends[1]:
                    contents += [end[1] for end in ends if end is not None and end[0] not in (_TREE, _SUBMODULE)]
        pairs = below
    return _Differing(sorted(name.decode(errors="surrogateescape") for name in found), contents)


def _sort_out(
    name: bytes,
    old: tuple[bytes, str] | None,
    new: tuple[bytes, str] | None,
    files: list[bytes],
    below: list[tuple[bytes, str, str]],
) -> None:
    """Put what differs under a name with the files, or with the folders to look into; a file may become a folder."""
    if old == new:
        return
    trees = [one[1] if one is not None and one[0] == _TREE else "" for one in (old, new)]
    if any(trees):
        below.append((name + b"/", trees[0], trees[1]))
    if any(one is not None and one[0] != _TREE for one in (old, new)):
        files.append(name)


def _entries(content: bytes, size: int) -> dict[bytes, tuple[bytes, str]]:
    """Return what a tree holds: name -> mode and object; `size` is that of an object's name in bytes.

    Raises GitFailed for a tree that git would not have written: a name twice, out of order, an odd mode. Of such a tree
    every reader makes something else.
    """
    found: dict[bytes, tuple[bytes, str]] = {}
    last = b""
    while content:
        mode, _, rest = content.partition(b" ")
        name, _, rest = rest.partition(b"\0")
        place = name + (b"/" if mode == _TREE else b"\0")
        is_whole = len(rest) >= size and mode in _MODES and name not in (b"", b".", b"..", b".git") and b"/" not in name
        if not is_whole or name in found or place <= last:
            raise GitFailed("a tree in git is not as git writes one")
        found[name], last = (mode, rest[:size].hex()), place
        content = rest[size:]
    return found


def files(git: Git, tree: Sha) -> dict[str, bytes]:
    """Return the files of a tree: path -> content. Raises GitFailed as `read`."""
    blobs: dict[str, str] = {}
    folders = [("", str(tree))]
    while folders:
        trees = read(git, [one for _, one in folders])
        below: list[tuple[str, str]] = []
        for folder, one in folders:
            for name, (mode, sha) in _entries(trees[one][1], len(one) // 2).items():
                path = folder + name.decode(errors="surrogateescape")
                if mode == _TREE:
                    below.append((f"{path}/", sha))
                else:
                    blobs[path] = sha
        folders = below
    content = read(git, list(blobs.values()))
    return {path: content[sha][1] for path, sha in sorted(blobs.items())}
