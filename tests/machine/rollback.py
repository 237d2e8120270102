"""`make rollback-soak`: random dirty trees, each moved to a target and back by the kit; both must be bit-identical.

What the target is to look like is asked of git, in a worktree of its own. Prints a table, and exits 1 where a tree,
an index, HEAD or a mode differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from orchestrator.adapters.move import Rescue
from orchestrator.errors import MoveRefused
from tests.adapters.test_move import BRANCH, RESCUE, TREES, UNDO, Files, Scene, go, held, is_left_alone, sh, whole
from tests.conftest import sealed
from tests.figures import keep

RULES: Files = {".gitignore": (b"*.ign\n/out/\n", False)}
# What git converts on its way in and out; "" is nothing.
ATTRIBUTES = st.sampled_from(
    ["", "", "", "* text=auto\n", "a text eol=crlf\nd/* text eol=lf\n", "* -text\n", "x filter=no\n"]
)
CONFIGURATIONS = st.sampled_from(
    [(), (), ("core.autocrlf", "true"), ("core.autocrlf", "input"), ("core.fileMode", "false")]
)
LINES: st.SearchStrategy[Files] = st.dictionaries(
    st.sampled_from(["a", "d/x", "d/y", "text", "x", "n\nl"]),
    st.tuples(st.sampled_from([b"one\r\ntwo\r\n", b"one\ntwo\n", b"one\r\ntwo\n", b"\r\n\0"]), st.booleans()),
    max_size=3,
)
IGNORED: Files = {"k.ign": (b"ignored\n", True), "out/o": (b"ignored\n", False)}
DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["intend", "rename", "unstage", "stage", "folder", "permit", "delete"]), st.integers(0, 9)
    ),
    max_size=4,
)
PERMISSIONS = (0o600, 0o444, 0o640, 0o700)


def permissions(root: Path) -> dict[str, int]:
    """Return the permissions of every file, and which folders are empty (as 0)."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        paths = [Path(folder, name) for name in names]
        found.update({str(path): stat.S_IMODE(path.lstat().st_mode) for path in paths if not path.is_symlink()})
        if not folders and not names:
            found[folder] = 0
    return found


def soil(root: Path, deed: str, pick: int) -> None:
    """Make the tree a little dirtier; a deed that git or the tree does not allow is left undone."""
    names = sorted(held(root))
    if deed == "folder":
        place = root / f"empty/{pick}"
        if not any(name in ("empty",) for name in names):
            place.mkdir(parents=True, exist_ok=True)
        return
    if not names:
        return
    name = names[pick % len(names)]
    path = root / name
    match deed:
        case "permit":
            if not path.is_symlink():
                path.chmod(PERMISSIONS[pick % len(PERMISSIONS)])
        case "delete":
            path.unlink()
        case _:
            words = {
                "intend": ("add", "--intent-to-add", "--", name), "rename": ("mv", "-k", "--", name, f"moved-{pick}"),
                "unstage": ("rm", "--cached", "--force", "--quiet", "--", name), "stage": ("add", "--force", "--", name),
            }[deed]  # fmt: skip
            try_git(root, *words)


def try_git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)


def checked_out(root: Path, commit: str) -> dict[str, Any]:
    """Return the files of a commit as git checks them out, in a worktree made for it."""
    place = root.parent / "fresh"
    sh("git", "worktree", "add", "--quiet", "--detach", str(place), commit, cwd=root)
    found = held(place)
    sh("git", "worktree", "remove", "--force", str(place), cwd=root)
    return found


class Figures:
    """What was counted: trees, what they held, what was refused and why."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.permissions: list[str] = []

    def note(self, root: Path, disk: Files) -> None:
        """Count what kinds of dirt a tree holds."""
        status = sh("git", "status", "--porcelain=v1", "-z", "--ignored", cwd=root).split("\0")
        kinds = {
            "staged": any(row[:1] in "MADRCT" and row[:1] for row in status),
            "unstaged": any(row[1:2] in "MTDA" and row[1:2] for row in status),
            "untracked": any(row.startswith("??") for row in status),
            "renamed": any(row.startswith("R") for row in status),
            "intended": any(row.startswith(" A") for row in status),
            "ignored": any(row.startswith("!!") for row in status),
            "a link": any(isinstance(one, str) for one in disk.values()),
            "a name that is no UTF-8": any("\udcff" in name for name in disk),
        }
        self.counts.update(f"with {name}" for name, there in kinds.items() if there)


def one_tree(empty: Path, figures: Figures, data: st.DataObject) -> None:
    """Make one dirty tree, take it to its target and back, and compare."""
    draw = data.draw
    attributes, configuration = draw(ATTRIBUTES), draw(CONFIGURATIONS)
    line: Files = {**(RULES if draw(st.booleans()) else {})}
    if attributes:
        line = {**line, ".gitattributes": (attributes.encode(), False)}
    trees = [{**draw(TREES), **line} for _ in range(4)]
    if attributes or configuration:
        trees = [
            {**tree, **{name: one for name, one in draw(LINES).items() if not in_the_way(name, tree)}} for tree in trees
        ]
    if draw(st.booleans()):
        trees[3] = {**trees[3], **IGNORED}
    if draw(st.integers(0, 3)) == 0:
        trees[0] = {**trees[0], **IGNORED}  # the target would overwrite what is ignored
    name, value = configuration or ("core.autocrlf", "false")
    (empty / ".git/more").write_text("[core]\n\t{} = {}\n".format(name.removeprefix("core."), value))
    with Scene(empty, *trees) as scene:
        trial(scene, trees[3], draw(DEEDS), figures)


def trial(scene: Scene, disk: Files, deeds: list[tuple[str, int]], figures: Figures) -> None:
    root = scene.root
    for deed in deeds:
        soil(root, *deed)
    figures.counts["trees"] += 1
    figures.note(root, disk)
    wanted = checked_out(root, scene.target.commit)
    before, modes = whole(root), permissions(root)
    rescue = moved(scene, figures)
    if rescue is None:
        assert (whole(root), permissions(root)) == (before, modes), "refused, and yet something changed"
        return
    after = held(root)
    for name in wanted:
        assert name in after, f"{name!r} of the target is missing"
        if after[name] != wanted[name]:  # git leaves a file of the same content as it is, whatever its line endings
            assert after[name] == before["files"].get(name), f"{name!r} is neither the target's nor what was there"
            figures.counts["of these with a file that git takes for the target's, its line endings apart"] += 1
    assert sh("git", "status", "--porcelain", "--untracked-files=no", cwd=root) == "", (
        "git sees a difference to the target"
    )
    strange = {name for name in after.keys() - wanted.keys() if after[name] != before["files"].get(name)}
    assert not strange, f"files came that are neither the target's nor were there: {strange}"
    loose = {name for name in after.keys() - wanted.keys() if not is_ignored(root, name)}
    assert not loose, f"files stayed that nothing ignores: {loose}"
    assert sh("git", "rev-parse", BRANCH, cwd=root) == scene.target.commit
    assert sh("git", "write-tree", cwd=root) == sh("git", "rev-parse", "HEAD^{tree}", cwd=root)
    go(root, rescue.target(BRANCH), UNDO, "undo")
    again = whole(root)
    if sh("git", "config", "--default", "true", "core.fileMode", cwd=root) == "false" and again != before:
        figures.counts["of these without an x that core.fileMode=false hides from git"] += 1
        again, before = ({**one, "files": contents(one["files"])} for one in (again, before))
    for what, found in before.items():
        assert again[what] == found, f"after the undo, {what}: {again[what]}, not {found}"
    left = permissions(root)
    other = {path: (mode, left.get(path)) for path, mode in modes.items() if left.get(path) != mode}
    figures.counts["rolled back and undone, bit-identical"] += 1
    figures.counts["of these with other permissions than x"] += bool(any(mode[0] for mode in other.values()))
    figures.counts["of these without an empty folder that was there"] += bool(
        any(not mode[0] for mode in other.values())
    )


def reason(refused: MoveRefused) -> str:
    """Return why, without names and places."""
    known = ("git converts or filters it", "could not be brought", "unmerged", "changed since", "came to")
    return next((one for one in known if one in str(refused)), str(refused))


def moved(scene: Scene, figures: Figures) -> Rescue | None:
    """Move to the target; None where that is refused, which is counted."""
    try:
        return go(scene.root, scene.target, RESCUE)
    except MoveRefused as refused:
        figures.counts[f"refused, untouched: {reason(refused)}"] += 1
        return None


def contents(files: Files) -> dict[str, bytes | str]:
    """Return files without what tells whether they can be executed."""
    return {name: one if isinstance(one, str) else one[0] for name, one in files.items()}


def is_ignored(root: Path, name: str) -> bool:
    """Tell whether the present rules of git, or the former ones, ignore a name."""
    return is_left_alone(name) or name.endswith(".ign") or name.startswith("out/")


def in_the_way(name: str, tree: Files) -> bool:
    return any(name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in tree)


def empty_repository(folder: Path) -> Path:
    """Make the repository without commits that every tree is built in."""
    root = folder / "seed/repo"
    sh("git", "init", "-q", "-b", BRANCH, str(root))
    with (root / ".git/config").open("a") as config:
        config.write("[user]\n\tname = P\n\temail = p@example.com\n[gc]\n\tauto = 0\n[include]\n\tpath = more\n")
    (root / ".git/info/exclude").write_text("*.log\nbuild/\n")
    shutil.rmtree(root / ".git/hooks")
    return root


def soak(trees: int, number: int, phases: tuple[Phase, ...]) -> tuple[Figures, int]:
    """Try so many trees, the same ones for the same number; return what was counted, and 1 where one differed."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, sealed(Path(folder)):
        empty = empty_repository(Path(folder))

        @seed(number)
        @settings(
            max_examples=trees, deadline=None, database=None, phases=phases,
            suppress_health_check=list(HealthCheck), print_blob=False,
        )  # fmt: skip
        @given(data=st.data())
        def any_tree(data: st.DataObject) -> None:
            one_tree(empty, figures, data)

        try:
            any_tree()
        except Exception:
            traceback.print_exc()
            return figures, 1
    return figures, 0


def main() -> int:
    """Try TREES dirty trees from SEED on."""
    parser = argparse.ArgumentParser(prog="make rollback-soak")
    parser.add_argument("--trees", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shrink", action="store_true", help="look for the smallest tree that differs")
    asked = parser.parse_args()
    began = time.monotonic()
    figures, failed = soak(asked.trees, asked.seed, (Phase.generate, Phase.shrink)[: 1 + asked.shrink])
    rows = [f"| {name} | {count} |" for name, count in figures.counts.items()]
    rows += [f"| not bit-identical | {failed} |", f"| seconds | {time.monotonic() - began:.0f} |"]
    sys.stdout.write("| rollback and undo of random dirty trees | |\n| --- | ---: |\n" + "\n".join(rows) + "\n")
    tried, whole_again = figures.counts["trees"], figures.counts["rolled back and undone, bit-identical"]
    keep(
        "rollback-soak", "rollback and undo of random dirty trees", "2,000 trees, all bit-identical or refused untouched",
        f"{tried:,} trees: {whole_again:,} bit-identical, {tried - whole_again - failed:,} refused untouched, {failed} others",
    )  # fmt: skip
    return failed


if __name__ == "__main__":
    sys.exit(main())
