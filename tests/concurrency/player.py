"""A real process that plays one side of a race: reads a JSON list of words a line, does it, writes the end as JSON.

`player.py ROOT`. Words are a command's, run as the console script does, or `show` and `yes [LINE]`: the two halves of
`approve`, the look and the record, with any time between them.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

from orchestrator import approval, cli, session, sitting
from orchestrator.approval import Held
from orchestrator.errors import OrchestratorError, Refusal
from orchestrator.workspace import Workspace


class Player:
    """One side; what it was shown stays with it until it says yes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._workspace: Workspace | None = None
        self._rows: list[approval.Shown] = []

    def play(self, words: list[str]) -> dict[str, object]:
        """Do it, and return the exit status, what was said and, of a look, what was shown."""
        out, err = io.StringIO(), io.StringIO()
        shown: list[list[object]] = []
        with contextlib.chdir(self._root), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            if words[0] == "show":
                shown, status = self._show(), 0
            elif words[0] == "yes":
                status = self._yes()
            else:
                sys.argv = ["orchestrator", *words]
                status = cli._run(words)
        return {"status": status, "out": out.getvalue(), "err": err.getvalue(), "shown": shown}

    def _show(self) -> list[list[object]]:
        self._workspace = Workspace.find(self._root, "orchestrator approve")
        self._workspace.load()
        self._rows = sitting.waiting(self._workspace, ())
        found = [one.feature for one in self._rows if one.feature is not None]
        return [[one.id, one.gate.event if one.gate else 0, one.tip] for one in found]

    def _yes(self) -> int:
        if self._workspace is None:
            raise RuntimeError("nothing was shown")
        try:
            decided = sitting.understand("APPROVE ALL", self._rows, "")
            held = Held(door="terminal", who=session.caller(self._workspace), shown=1.0)
            outcome = approval.record(self._workspace, decided, held)
            if outcome.refused:
                raise Refusal("; ".join(outcome.refused))
            sys.stdout.write(", ".join(outcome.approved))
        except OrchestratorError as error:
            sys.stderr.write(f"orchestrator: {error}\n")
            return 1
        return 0


def main(root: str) -> None:
    player = Player(Path(root))
    answers = sys.stdout
    for line in sys.stdin:
        answers.write(json.dumps(player.play(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
