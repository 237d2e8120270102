"""The pictures among a gate's evidence: what is shown is what the decision is bound to, or nothing. Writes nothing."""

from __future__ import annotations

import os
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from orchestrator import evidence
from orchestrator.adapters import objects
from orchestrator.adapters.durable import opened_plain
from orchestrator.core.events import Exhibit
from orchestrator.core.values import Value
from orchestrator.errors import GitFailed, OrchestratorError
from orchestrator.sitting import Row
from orchestrator.workspace import Workspace

LARGEST = 8 << 20  # bytes of one picture
_TYPES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_NAMES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


class Picture(Value):
    """A picture's bytes and their type, by what they begin with."""

    type: str
    content: bytes

    @property
    def inline(self) -> str:
        """The picture as an address that holds it."""
        return f"data:{self.type};base64,{b64encode(self.content).decode()}"


def is_picture(one: Exhibit) -> bool:
    """Tell whether a file is named like a picture, and small enough to be shown."""
    return bool(one.sha256) and one.path.lower().endswith(_NAMES) and one.bytes <= LARGEST


def after(workspace: Workspace, row: Row, one: Exhibit) -> Picture | None:
    """Return a file of evidence as a picture; None where it is none, or not the file that was shown any more."""
    if row.feature is None or not is_picture(one):
        return None
    path = Path(os.path.realpath(evidence.place_of(workspace, row.feature) / one.path))
    try:
        with os.fdopen(opened_plain(path, os.O_RDONLY), "rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, OrchestratorError):
        return None
    return picture(content) if sha256(content).hexdigest() == one.sha256 else None


def before(workspace: Workspace, row: Row, one: Exhibit) -> Picture | None:
    """Return a file of evidence as it was at the commit from which the changes count; None where git held none."""
    base = row.bound.base if row.bound is not None else None
    if base is None or not is_picture(one):
        return None
    git = workspace.git.unaltered()
    path = os.path.normpath(one.path)
    try:
        name = git.ref(f"{base}:{path}")
        if name is None or int(git.text("cat-file", "-s", name)) > LARGEST:
            return None
        kind, content = objects.read(git, [name])[name]
    except GitFailed:
        return None
    return picture(content) if kind == "blob" else None


def picture(content: bytes) -> Picture | None:
    """Return bytes as a picture of a kind that runs nothing; None for anything else."""
    kind = next((kind for begins, kind in _TYPES.items() if content.startswith(begins)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "image/webp"
    return Picture(type=kind, content=content) if kind else None
