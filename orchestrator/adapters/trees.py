"""Files as a git tree, without a worktree and without touching anybody's index."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.adapters.git import Git
from orchestrator.core.values import Sha


def write_tree(git: Git, files: Mapping[str, bytes]) -> Sha:
    """Store `files` (path below the tree's top -> content) and return the tree."""
    rows = [f"100644 {git.write_blob(content)}\t{name}" for name, content in sorted(files.items())]
    with tempfile.TemporaryDirectory(prefix="orchestrator-") as folder:
        environment = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        listed = "".join(f"{row}\0" for row in rows).encode()
        git.run("update-index", "-z", "--index-info", environment=environment, stdin=listed)
        return Sha(git.text("write-tree", environment=environment))
