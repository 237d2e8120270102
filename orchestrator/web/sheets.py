"""Makes the sheet of what waits now, under the same looking as any command's; and the file that holds all of it."""

from __future__ import annotations

from pathlib import Path

from orchestrator import session, sitting
from orchestrator.adapters.agent import one_line
from orchestrator.adapters.durable import write_durably
from orchestrator.sitting import Row
from orchestrator.web import gates, page, pictures
from orchestrator.web.gates import Shown
from orchestrator.web.page import Sheet
from orchestrator.web.pictures import Picture
from orchestrator.workspace import Workspace, now

_INLINED = 24 << 20  # bytes of pictures in one file


def sheet(workspace: Workspace, rows: list[Row], closed: str) -> Sheet:
    """Return what the page says of these rows; takes what the person is to be told with it."""
    found = gates.gather(workspace, rows)
    left = gates.others(workspace, rows)
    notices = tuple(dict.fromkeys(one_line(one) for one in workspace.notices))
    workspace.notices.clear()
    return Sheet(
        repository=workspace.main.name,
        made=f"{now().astimezone():%Y-%m-%d %H:%M:%S}",
        gates=found,
        features=left,
        nothing=sitting.nothing_waits(workspace, ()),
        batch=",".join(workspace.effective.configuration.gates.batch),
        closed=closed,
        notices=notices,
    )


def write(path: Path | None, closed: str) -> tuple[Path, int]:
    """Write the read-only page into a file, or into the kit's own folder; return where, and how many gates it shows."""
    with session.looking(anew=True) as workspace:
        rows = sitting.waiting(workspace, ())
        inlined = _Inlined(workspace, rows)
        text = page.static(sheet(workspace, rows, closed), inlined.address)
        there = path or workspace.home / "review.html"
        write_durably(there, text.encode(errors="backslashreplace"))
        return there, len(rows)


class _Inlined:
    """The pictures of a file, as far as they have room in it."""

    def __init__(self, workspace: Workspace, rows: list[Row]) -> None:
        self._workspace = workspace
        self._rows = {one.number: one for one in rows}
        self._room = _INLINED

    def address(self, shown: Shown, index: int, when: str) -> str:
        """Return a picture as an address that holds it; empty where there is no room, or it is gone."""
        found = look(self._workspace, self._rows[shown.number], index, when)
        if found is None or len(found.content) > self._room:
            return ""
        self._room -= len(found.content)
        return found.inline


def look(workspace: Workspace, row: Row, index: int, when: str) -> Picture | None:
    """Return a picture of a row's evidence, `before` or `after`; None where there is none."""
    if not 0 <= index < len(row.exhibits):
        return None
    reader = pictures.before if when == "before" else pictures.after
    return reader(workspace, row, row.exhibits[index])
