"""The shapes that a repository has: each makes one below a folder and says where the feature's branch is to be."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.git_matrix.scene import BRANCH, Scene, _git, ignore, populated


class NotHereError(Exception):
    """This git or this system has no such shape; says why."""


def plain(top: Path) -> Scene:
    populated(top / "shop")
    return Scene(top, top / "shop")


def linked(top: Path) -> Scene:
    """The user has checked the branch out in a linked worktree."""
    scene = plain(top)
    scene.place = top / "mine"
    return scene


def submodule(top: Path) -> Scene:
    populated(top / "library")
    populated(top / "outer")
    _git(top / "outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(top / "library"), "lib")
    _git(top / "outer", "commit", "--quiet", "-m", "with a library")
    scene = Scene(top, top / "outer/lib")
    ignore(scene.root)
    scene.others = [top / "library", top / "outer"]
    scene.not_others = [top / "outer/lib", top / "outer/.git/modules/lib"]
    return scene


def apart(top: Path) -> Scene:
    """The git directory lies elsewhere (`--separate-git-dir`)."""
    populated(top / "shop", f"--separate-git-dir={top / 'store'}")
    return Scene(top, top / "shop")


def shallow(top: Path) -> Scene:
    populated(top / "origin")
    for number in range(3):
        _git(top / "origin", "commit", "--quiet", "--allow-empty", "-m", str(number))
    _git(top, "clone", "--quiet", "--depth=2", f"file://{top / 'origin'}", str(top / "shop"))
    ignore(top / "shop")
    scene = Scene(top, top / "shop")
    scene.others = [top / "origin"]
    return scene


def sha256(top: Path) -> Scene:
    populated(top / "shop", "--object-format=sha256")
    return Scene(top, top / "shop")


def reftable(top: Path) -> Scene:
    if not has_reftable():
        raise NotHereError("this git has no reftable (it came with 2.45)")
    populated(top / "shop", "--ref-format=reftable")
    scene = Scene(top, top / "shop")
    scene.is_tip_only = True  # the kit reads git's reflogs as files
    return scene


def odd_path(top: Path) -> Scene:
    folder = top / "a 'shop'; $HOME \"x\" \\ %s * é"
    populated(folder)
    return Scene(top, folder)


def odd_linked(top: Path) -> Scene:
    """The branch is in a linked worktree whose path has blanks, quotes and letters."""
    scene = plain(top)
    scene.place = top / "mine, 'yours' & \"theirs\" é"
    return scene


def case_clash(top: Path) -> Scene:
    """Files and branches differ by the case of a letter alone."""
    (top / "shop").mkdir()
    (top / "shop/readme").write_text("small\n")
    populated(top / "shop")
    if (top / "shop/readme").read_text() != "small\n":
        raise NotHereError("this file system does not tell upper from lower case")
    _git(top / "shop", "branch", "feat/Payment")
    _git(top / "shop", "branch", "FEAT/payment")
    return Scene(top, top / "shop")


def inside(top: Path) -> Scene:
    """The repository lies in an ignored folder of a bigger one, which has the kit, too."""
    populated(top / "outer")
    (top / "outer/.gitignore").write_text("vendor/\n")
    _git(top / "outer", "add", ".gitignore")
    _git(top / "outer", "commit", "--quiet", "-m", "ignore")
    populated(top / "outer/vendor/shop")
    scene = Scene(top, top / "outer/vendor/shop")
    scene.others = [top / "outer"]
    scene.not_others = [top / "outer/vendor"]
    return scene


def symlinked(top: Path) -> Scene:
    populated(top / "real/shop")
    (top / "shop").symlink_to(top / "real/shop")
    return Scene(top, top / "shop")


def foreign_owner(top: Path) -> Scene:
    """The files belong to another user; the user's own git trusts the folder (safe.directory)."""
    if os.getuid() != 0:
        raise NotHereError("only root gives files to another user")
    scene = plain(top)
    subprocess.run(["chown", "-R", "65534", str(scene.root)], check=True)
    with Path(os.environ["GIT_CONFIG_GLOBAL"]).open("a") as file:
        file.write("[safe]\n\tdirectory = *\n")
    return scene


def worktree_elsewhere(top: Path) -> Scene:
    """core.worktree leads to another folder."""
    populated(top / "shop")
    (top / "store").mkdir()
    shutil.move(top / "shop/.git", top / "store/.git")
    (top / "shop/.git").write_text(f"gitdir: {top / 'store/.git'}\n")
    _git(top / "shop", "config", "core.worktree", "../../shop")
    return Scene(top, top / "shop")


def worktree_elsewhere_linked(top: Path) -> Scene:
    """core.worktree leads to another folder, and the branch is in a linked worktree."""
    scene = worktree_elsewhere(top)
    _git(scene.root, "config", "extensions.worktreeConfig", "true")
    _git(scene.root, "config", "--unset", "core.worktree")
    _git(scene.root, "config", "--worktree", "core.worktree", "../../shop")
    scene.place = top / "mine"
    return scene


def configured_by_worktree(top: Path) -> Scene:
    """extensions.worktreeConfig, with a linked worktree that sets things of its own."""
    scene = plain(top)
    _git(scene.root, "config", "extensions.worktreeConfig", "true")
    _git(scene.root, "worktree", "add", "--quiet", "-b", "another", str(top / "another"))
    _git(top / "another", "config", "--worktree", "core.hooksPath", str(top / "nowhere"))
    return scene


SHAPES: dict[str, Callable[[Path], Scene]] = {
    "plain": plain,
    "linked worktree": linked,
    "submodule": submodule,
    "separate git dir": apart,
    "shallow": shallow,
    "sha256": sha256,
    "reftable": reftable,
    "odd path": odd_path,
    "odd path, linked": odd_linked,
    "case clash": case_clash,
    "inside another": inside,
    "symlinked": symlinked,
    "foreign owner": foreign_owner,
    "core.worktree": worktree_elsewhere,
    "core.worktree, linked": worktree_elsewhere_linked,
    "worktreeConfig": configured_by_worktree,
}


@functools.cache
def has_reftable() -> bool:
    """Tell whether this git writes reftables."""
    done = subprocess.run(["git", "init", "-h"], capture_output=True, check=False)
    return b"--ref-format" in done.stdout + done.stderr


def check_out(scene: Scene) -> None:
    """Put the feature's branch where the shape wants it."""
    if scene.place != scene.root:
        _git(scene.root, "worktree", "add", "--quiet", str(scene.place), BRANCH)
