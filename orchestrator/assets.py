"""What the package brings along as files (templates, hooks, scripts), as bytes. Never writes a file."""

from __future__ import annotations

import shlex
from pathlib import Path

DRAINING = ("post-commit", "post-merge", "post-rewrite", "post-applypatch")
HOOKS = (*DRAINING, "pre-push")
TRAILERS = "prepare-commit-msg"
CHAINED = ".orchestrator-chained"

_PACKAGE = Path(__file__).parent
# A wheel holds everything in the first place; in a checkout hooks/ and scripts/ lie in the second.
_PLACES = (_PACKAGE / "templates", _PACKAGE.parent)


def asset(*parts: str) -> bytes:
    """Return a file that was shipped: `asset("orchestrator.mk")`, `asset("hooks", "pre-push")`."""
    found = (place.joinpath(*parts) for place in _PLACES)
    return next((file for file in found if file.is_file()), _PLACES[0].joinpath(*parts)).read_bytes()


def names(*parts: str) -> tuple[str, ...]:
    """Return the names of the files in a shipped folder, in order: `names("workflows")`."""
    found = (place.joinpath(*parts) for place in _PLACES)
    folder = next((folder for folder in found if folder.is_dir()), _PLACES[0].joinpath(*parts))
    return tuple(sorted(file.name for file in folder.iterdir() if file.is_file()))


def hook(name: str, python: str, *, waits: bool = False) -> bytes:
    """Return the text of the git hook `name`, which starts the interpreter `python` (an absolute path).

    With `waits` a commit waits until it is recorded, unless ORCHESTRATOR_HOOKS says otherwise. A hook that
    was there before is called where it lies beside the new one under its name and `CHAINED`.
    """
    text = asset("hooks", "post-commit" if name in DRAINING else name).decode()
    mode = "wait" if waits else "detach"
    return text.replace("@PYTHON@", shlex.quote(python)).replace("@MODE@", mode).replace("@NAME@", name).encode()
