"""The figures of the long proofs: what each of them reached last, kept in `docs/figures.json` and shown as a table.

A proof calls `keep` at its end. It writes only where the environment says `KEEP=1`, so that a short run on a busy
machine does not take the place of a long one. `python -m tests.figures` writes the table into `docs/promises.md`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
FIGURES = DOCS / "figures.json"
PAGE = DOCS / "promises.md"
HEADING = "## Figures"
_TABLE = re.compile(rf"(?<={HEADING}\n\n).*?\n(?=\n)", re.DOTALL)


def keep(target: str, what: str, goal: str, reached: str) -> None:
    """Keep what `make TARGET` reached last: `what` was tried, the `goal`, and the figure with its size, in words."""
    if os.environ.get("KEEP") != "1":
        return
    kept = load()
    kept[target] = {"what": what, "goal": goal, "reached": reached}
    FIGURES.write_text(json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def load() -> dict[str, Any]:
    """Return the kept figures by the name of their make target."""
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    return found


def table(kept: Mapping[str, Mapping[str, str]]) -> str:
    """Return the figures as a Markdown table, one row a target."""
    return "".join(f"{line}\n" for line in _lines(kept))


def _lines(kept: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    yield "| proof | what is tried | to reach | reached last |"
    yield "| --- | --- | --- | --- |"
    for target, row in sorted(kept.items()):
        yield f"| `make {target}` | {row['what']} | {row['goal']} | {row['reached']} |"


def main() -> None:
    """Write the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: table(load()), text, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
