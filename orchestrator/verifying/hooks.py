"""The git hooks: whether git would run ours, and whether ours would do anything. Runs none of them.

Hooks are a convenience: what they miss, the next command records. So nothing here is an error.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from orchestrator import assets
from orchestrator.core.values import Value
from orchestrator.setup.chaining import lying
from orchestrator.setup.hooks import calling_folder, is_by_hand, is_calling
from orchestrator.setup.surroundings import HooksPlace, hooks_place
from orchestrator.verifying.findings import Found, note, warning
from orchestrator.verifying.sight import Sight

TROUBLE = "hook-trouble"
_INSTALL = "`orchestrator init` installs it"
_LINE = "`orchestrator init` says which line goes there"
_PYTHON = re.compile(rb"^orch_python=(.+)$", re.MULTILINE)
_LATER = "until then the next command records what it missed"


class Hook(Value):
    """A hook that lies there: `is_ours` the kit's own stub, `calls` whether it leads to the kit at all.

    `run` is the file that git runs; by way of the framework or a line of the user's it calls the one at `path`.
    """

    run: Path
    path: Path
    content: bytes
    is_ours: bool
    calls: bool


def installed(sight: Sight) -> Iterator[Found]:
    """See that the hooks are there, whole and able to run."""
    workspace = sight.workspace
    place = hooks_place(workspace.git, workspace.main, workspace.repository.common_dir)
    if place.is_off:
        what = f"core.hooksPath is {place.configured!r}: git runs no hooks here, and the next command records commits"
        yield note("V709", str(place.folder), what, "git config --show-origin core.hooksPath names who says so")
        return
    found = {name: _hook(sight, place, name) for name in assets.HOOKS}
    calling = {name: one for name, one in found.items() if one is not None and one.calls}
    none = None if calling else _none(sight, place.folder)
    if none is not None:
        yield none
        return
    for name, one in found.items():
        if name in calling or (name == "post-applypatch" and _has_framework(calling)):
            continue
        what = f"the hook {name} is missing" if one is None else f"the hook {name} does not call the kit"
        mend = _LINE if is_by_hand(place) else _INSTALL
        yield warning("V702", str(_expected(place, name)), what, f"{mend}; {_LATER}")
    for name, one in calling.items():
        yield from _able(sight, name, one)


def _expected(place: HooksPlace, name: str) -> Path:
    """Return the file that calls the kit, or is to."""
    return (calling_folder(place) if is_by_hand(place) else place.folder) / name


def _hook(sight: Sight, place: HooksPlace, name: str) -> Hook | None:
    """Return what git comes to by a hook's name; None where there is nothing, or less than was there."""
    run = place.folder / name
    path = lying(_expected(place, name))
    if not run.is_file() or not path.is_file():
        return None
    content = path.read_bytes()
    if is_by_hand(place) and is_calling(content):
        path = sight.workspace.home / "hooks" / name
        content = path.read_bytes() if path.is_file() else b""
    is_ours = b"\n# orchestrator:" in content[:200]
    calls = is_ours or b"orchestrator" in content or (b"pre-commit.com" in content and _named(sight, name))
    return Hook(run=run, path=path, content=content, is_ours=is_ours, calls=calls)


def _named(sight: Sight, name: str) -> bool:
    """Tell whether the pre-commit framework's configuration has the kit called by this hook."""
    try:
        content = (sight.workspace.main / ".pre-commit-config.yaml").read_bytes()
    except OSError:
        return False
    return f"orchestrator-{name}".encode() in content or f"orchestrator hook {name}".encode() in content


def _has_framework(calling: Mapping[str, Hook]) -> bool:
    """Tell whether hooks come through the pre-commit framework, which knows no post-applypatch."""
    return any(b"pre-commit.com" in one.content for one in calling.values())


def _none(sight: Sight, place: Path) -> Found | None:
    """Return what to say where no hook calls the kit; None where `init` installed hooks that are gone."""
    own = sight.workspace.repository.common_dir / "hooks"
    if place != own and any(b"\n# orchestrator:" in path.read_bytes()[:200] for path in _plain(own)):
        what = f"core.hooksPath has git run the hooks of {place}; the kit's in {own} never fire"
        return warning("V705", str(place), what, f"`orchestrator init` says what to add there; {_LATER}")
    if (sight.workspace.home / "init.json").exists():
        return None
    what = "no git hook calls the kit: the next command records commits"
    return note("V701", str(place), what, "`orchestrator init` installs them")


def _plain(place: Path) -> list[Path]:
    return [path for name in assets.HOOKS if (path := place / name).is_file()]


def _able(sight: Sight, name: str, hook: Hook) -> Iterator[Found]:
    where = str(hook.path)
    for file in (one for one in dict.fromkeys((hook.run, hook.path)) if not os.access(one, os.X_OK)):
        yield warning("V703", str(file), f"the hook {name} is not run: it is not executable", f"chmod +x {file}")
    if not hook.is_ours:
        return
    python = _python(hook.content)
    if not python or not os.access(python, os.X_OK):
        what = f"the interpreter {python or '(none)'} of the hook {name} is gone"
        yield warning("V704", where, what, f"`orchestrator init` names the present one; {_LATER}")
    elif not _imports(python):
        what = f"the interpreter {python} of the hook {name} does not find the kit"
        yield warning("V704", where, what, f"`orchestrator init` names the present one; {_LATER}")
    elif hook.content not in (assets.hook(name, python), assets.hook(name, python, waits=True)):
        yield note("V707", where, f"the hook {name} is not as this version writes it", "`orchestrator init` renews it")


def _python(content: bytes) -> str:
    found = _PYTHON.search(content)
    try:
        words = shlex.split(os.fsdecode(found[1])) if found else []
    except ValueError:
        return ""
    return words[0] if words else ""


@lru_cache(maxsize=8)
def _imports(python: str) -> bool:
    """Tell whether an interpreter finds the kit; asked once, since the hooks name the same one."""
    command = [python, "-I", "-c", "import orchestrator.hooking"]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def trouble(sight: Sight) -> Iterator[Found]:
    """Tell what a hook could not do last, and whether hooks are switched off here."""
    path = sight.workspace.home / TROUBLE
    if path.is_file():
        said = path.read_text(encoding="utf-8", errors="replace").strip()
        yield warning(
            "V706", str(path), f"a hook failed: {said}", "`orchestrator verify --repair` does it, and says why not"
        )
    if os.environ.get("ORCHESTRATOR_HOOKS") == "off":
        yield note("V708", "ORCHESTRATOR_HOOKS", "the hooks are switched off in this environment", "unset it")
