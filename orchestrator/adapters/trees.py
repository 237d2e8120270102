"""Files as a git tree and back, without a worktree and without touching anybody's index."""

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


def read_tree(git: Git, tree: Sha) -> dict[str, bytes]:
    """Return the files of a tree: path -> content."""
    rows = git.names("ls-tree", "-r", "-z", tree)
    names = [(row.split("\t", 1)[1], row.split("\t", 1)[0].split(" ")[2]) for row in rows]
    if not names:
        return {}
    asked = "".join(f"{sha}\n" for _, sha in names).encode()
    content = git.run("cat-file", "--batch", stdin=asked).stdout
    files: dict[str, bytes] = {}
    for name, _ in names:
        head, _, content = content.partition(b"\n")
        size = int(head.rsplit(b" ", 1)[1])
        files[name], content = content[:size], content[size + 1 :]
    return files
