"""Who runs hooks in a repository before the kit comes, and how the kit comes to run its own there.

husky and lefthook are stood in for by hooks laid out as theirs; `really` puts the real ones there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from orchestrator.assets import DRAINING
from orchestrator.setup.hooks import CALL
from tests.git_matrix.scene import Scene, _git
from tests.git_matrix.shapes import NotHereError

NAMES = (*DRAINING, "pre-commit", "pre-push", "post-checkout")
TALK = "user's own"


def none(scene: Scene) -> None:
    """No hook at all: the kit is started without `init`."""
    scene.hook_folder = _common(scene) / "hooks"


def native(scene: Scene) -> None:
    scene.hook_folder = _common(scene) / "hooks"
    scene.do("init", where=scene.root)


def simple(scene: Scene) -> None:
    """Hooks of the user's own were there, and talk."""
    scene.hook_folder = _common(scene) / "hooks"
    for name in NAMES:
        _hook(scene.hook_folder / name, f'echo "{TALK} {name}"\n')
    scene.do("init", where=scene.root)
    (scene.hook_folder / "post-checkout").unlink()


def relative(scene: Scene) -> None:
    """core.hooksPath is a folder of the tree, tracked; a person adds the line that `init` prints."""
    _git(scene.root, "config", "core.hooksPath", ".githooks")
    scene.do("init", where=scene.root)
    for name in DRAINING:
        _hook(scene.root / ".githooks" / name, f"{CALL}\n")
    scene.hook_folder = Path(".githooks")


def absolute(scene: Scene) -> None:
    folder = scene.top / "hooks of mine"
    folder.mkdir()
    _git(scene.root, "config", "core.hooksPath", str(folder))
    scene.hook_folder = folder
    scene.do("init", where=scene.root)


def everywhere(scene: Scene) -> None:
    """core.hooksPath is set for all repositories of the user."""
    folder = scene.top / "hooks of all"
    _hook(folder / "pre-commit", f'echo "{TALK} pre-commit"\n')
    with Path(os.environ["GIT_CONFIG_GLOBAL"]).open("a") as file:
        file.write(f'[core]\n\thooksPath = "{folder}"\n')
    scene.hook_folder = folder
    scene.do("init", where=scene.root)


def husky(scene: Scene) -> None:
    """Hooks as husky 9 lays them out: git runs `.husky/_/NAME`, each of which runs `.husky/NAME` if it is there."""
    folder = scene.root / ".husky/_"
    for name in NAMES:
        _hook(folder / name, '. "$(dirname "$0")/h"\n')
    (folder / "h").write_text('own=${0%/_/*}/${0##*/}\n[ -f "$own" ] || exit 0\nsh -e "$own" "$@"\n')
    (folder / ".gitignore").write_text("*")
    _git(scene.root, "config", "core.hooksPath", ".husky/_")
    _call_from_husky(scene)


def _call_from_husky(scene: Scene) -> None:
    _hook(scene.root / ".husky/pre-commit", f'echo "{TALK} pre-commit"\n')
    scene.do("init", where=scene.root)
    for name in DRAINING:
        _hook(scene.root / ".husky" / name, f"{CALL}\n")
    scene.hook_folder = Path(".husky")


def lefthook(scene: Scene) -> None:
    """Hooks as lefthook 2 lays them out: one text under each name, which calls a program by the hook's name."""
    scene.hook_folder = _common(scene) / "hooks"
    program = scene.top / "lefthook"
    program.write_text(f'#!/bin/sh\n[ "$1" = run ] && echo "{TALK} $2"\n')
    program.chmod(0o755)
    for name in ("pre-commit", "post-commit", "post-merge", "post-rewrite"):
        _hook(scene.hook_folder / name, f'[ "$LEFTHOOK" != 0 ] || exit 0\n"{_quoted(program)}" run "{name}" "$@"\n')
    scene.do("init", where=scene.root)


def framework_before(scene: Scene) -> None:
    """The pre-commit framework is there, and the kit's hooks are native."""
    scene.hook_folder = _common(scene) / "hooks"
    _framework(scene)
    scene.do("init", where=scene.root)


def framework_after(scene: Scene) -> None:
    """The pre-commit framework is installed after `init`, over the kit's hooks."""
    scene.hook_folder = _common(scene) / "hooks"
    scene.do("init", where=scene.root)
    _framework(scene)


def framework(scene: Scene) -> None:
    """The kit's hooks go by way of the pre-commit framework, which names them as it runs them."""
    scene.hook_folder = _common(scene) / "hooks"
    _framework(scene)
    scene.do("init", "--hooks", "pre-commit", where=scene.root)
    scene.says = ("orchestrator ", "- hook id: orchestrator-")


_CONFIGURATION = """\
repos:
- repo: local
  hooks:
  - id: lint
    name: lint
    entry: "true"
    language: system
    pass_filenames: false
    stages: [pre-commit, post-commit, post-merge]
"""


def _framework(scene: Scene) -> None:
    (scene.root / ".pre-commit-config.yaml").write_text(_CONFIGURATION)
    stages = [f"--hook-type={name}" for name in ("pre-commit", "post-commit", "post-merge")]
    _called(scene, sys.executable, "-m", "pre_commit", "install", *stages)


# --- the real ones -----------------------------------------------------------------------------------


def real_husky(scene: Scene) -> None:
    _called(scene, str(_bin("husky")))
    _call_from_husky(scene)


def real_lefthook(scene: Scene) -> None:
    scene.hook_folder = _common(scene) / "hooks"
    jobs = "".join(f"{name}:\n  jobs:\n    - run: echo {name}\n" for name in ("pre-commit", *DRAINING[:3]))
    (scene.root / "lefthook.yml").write_text(jobs)
    _called(scene, str(_bin("lefthook")), "install")
    scene.do("init", where=scene.root)


def _bin(name: str) -> Path:
    folder = os.environ.get("MATRIX_NODE", "")
    if not folder:
        raise NotHereError(f"{name} was not installed (`make git-matrix` does it)")
    return Path(folder, "node_modules/.bin", name)


MANAGERS: dict[str, Callable[[Scene], None]] = {
    "none": none,
    "native": native,
    "a simple hook": simple,
    "hooksPath relative": relative,
    "hooksPath absolute": absolute,
    "hooksPath global": everywhere,
    "husky": husky,
    "lefthook": lefthook,
    "pre-commit, then init": framework_before,
    "init, then pre-commit": framework_after,
    "by way of pre-commit": framework,
}
REAL: dict[str, Callable[[Scene], None]] = {"husky itself": real_husky, "lefthook itself": real_lefthook}


def _common(scene: Scene) -> Path:
    return Path(_git(scene.root, "rev-parse", "--path-format=absolute", "--git-common-dir"))


def _hook(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)


def _quoted(path: Path) -> str:
    return "".join(f"\\{one}" if one in '\\"$`' else one for one in str(path))


def _called(scene: Scene, *words: str) -> None:
    done = subprocess.run(words, cwd=scene.root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotHereError(f"{' '.join(words[:3])}: {done.stdout}{done.stderr}")
