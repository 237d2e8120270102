"""A repository with gates to look at: pictures before and after, a long diff, words of an agent that mean harm."""

from __future__ import annotations

import struct
import subprocess
import zlib
from pathlib import Path

from tests.kit import Kit
from tests.signed import Signed

LINE = {
    "1-show": (
        "# Show it\n\n## Phase 1: Draw\n\nDraw the screen.\n\n### GATE 1: Screens\n\nShow both screens.\n\n"
        "- [ ] both drawn\n- [x] same width\n\nAPPROVE the screens? (yes/no)\n\n## Phase 2: File\n\nFile them.\n"
    ),
    "2-ship": (
        "# Ship it\n\n## Phase 1: Pack\n\nPack it.\n\n## GATE 2: Production\n\nShow the version.\n\n"
        "APPROVE the deploy to production? (yes/no)\n\n- yes: run `./ship`\n"
    ),
}
CONFIGURATION = """\
[workflows]
glob = "line/add-feature-*.md"
[agent]
command = ["sh", "agent.sh"]
[validate]
command = "echo 41 tests passed; echo '<script>alert(1)</script>'"
[gates]
evidence = ["*.png"]
"""
AGENT = r"""
cat >/dev/null
slug=$ORCHESTRATOR_FEATURE
cp "$ORCHESTRATOR_MAIN/../after.png" screen.png
{ echo "$ORCHESTRATOR_WORKFLOW/$ORCHESTRATOR_PHASE"; printf 'hidden \342\200\256 order \033[31mred\n<img src=x onerror=alert(1)>\n'; } >>"work-$slug.txt"
git add . && git commit -qm "work <b>on</b> $ORCHESTRATOR_WORKFLOW"
printf '%s\n' '{"orchestrator": {"outcome": "ok", "note": "I drew </blockquote><script>alert(1)</script> both screens."}}'
"""


def png(width: int, height: int, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> bytes:
    """Return a picture: a ground with bars, and a box (left, top, right, bottom) of `colour`."""

    def pixel(x: int, y: int) -> bytes:
        if box[0] <= x < box[2] and box[1] <= y < box[3]:
            return bytes(colour)
        return b"\xd8\xdc\xe6" if y // 20 % 2 else b"\xf4\xf4\xf8"

    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def created(root: Path, env: dict[str, str], names: tuple[str, ...], more: str = "") -> Kit:
    """Make a repository in which each named feature waits at its first gate."""
    kit = (Signed if "signed" in more else Kit)(root, env)
    kit.found(LINE, AGENT, CONFIGURATION + more)
    kit.write(".git/info/exclude", ".context/\n")
    (root / "screen.png").write_bytes(png(160, 100, (40, 90, 200), (20, 20, 90, 60)))
    (root.parent / "after.png").write_bytes(png(160, 100, (40, 150, 90), (30, 30, 110, 80)))
    kit.commit("begin")
    for name in names:
        kit.do("start", name)
    kit.do("run", "-j", "1")
    return kit


def rewritten(kit: Kit, name: str) -> None:
    """Commit something more in a feature's worktree, as an agent or a person may at any time."""
    (kit.worktree(name) / "later.txt").write_text("later\n")
    words = ["git", "commit", "-qm", "later"]
    subprocess.run(["git", "add", "."], cwd=kit.worktree(name), check=True, env=kit.env)
    subprocess.run(words, cwd=kit.worktree(name), check=True, env=kit.env)
