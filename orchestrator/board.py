"""The dashboard as lines of a terminal, none longer than it is wide. Pure: knows no terminal and no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from orchestrator.core.columns import MORE, columns, cut, filled, flat, folded
from orchestrator.core.values import Value
from orchestrator.standing import KINDS, Kind, Row, age, counts

Piece = tuple[str, str]  # a flat text and its style, as rich names it; the text alone says all
Line = tuple[Piece, ...]

STYLES: dict[Kind, str] = {
    "gate": "bold yellow",
    "trouble": "bold red",
    "running": "green",
    "held": "magenta",
    "completed": "cyan",
    "retired": "dim",
}
MARKS: dict[Kind, str] = {"gate": "?", "trouble": "!", "running": ">"}
DONE, HERE, AHEAD = "█", "▓", "░"
_OVER: tuple[Kind, ...] = ("completed", "retired")
Reasons = Mapping[Kind, int]  # in how many lines, of a feature of each kind
_WHOLE: Reasons = {kind: 9 for kind in KINDS if kind not in _OVER}
_TWICE: Reasons = {kind: 2 for kind in KINDS if kind not in (*_OVER, "gate")}  # whose reason stands in its block
_ONCE: Reasons = dict.fromkeys(_TWICE, 1)
_OF_TROUBLE: Reasons = {"trouble": 1, "held": 1}
_NONE: Reasons = {}
_GAP = 2
_ROOM = 36  # columns that a reason takes at least to stand in its feature's own line
_INDENT = 4


class View(Value):
    """What the dashboard shows. `line`: the ids of the workflows in order; `foot`: what is below the features.

    `hidden` are rows that are counted only.
    """

    present: datetime
    rows: tuple[Row, ...]
    hidden: tuple[Row, ...] = ()
    title: str = ""
    stamp: str = ""
    line: tuple[str, ...] = ()
    foot: tuple[str, ...] = ()
    to_do: str = ""


class Column(Value):
    """A column of the table. The highest `rank` is left out first; below the width `least` it says too little."""

    heading: str
    cells: tuple[Piece, ...]
    rank: int
    least: int
    width: int


def column(heading: str, cells: Sequence[Piece], rank: int, least: int, most: int) -> Column:
    """Return a column as wide as its widest cell, at most `most`; with `least` 0 it is never cut short."""
    width = min(most, max(columns(text) for text in (heading, *(text for text, _ in cells))))
    return Column(heading=heading, cells=tuple(cells), rank=rank, least=min(width, least or width), width=width)


def board(view: View, width: int, height: int | None) -> list[Line]:
    """Return the dashboard in lines of at most `width` columns, and at most `height` lines where that is given.

    What does not fit goes in this order: features that are done, reasons in lines of their own, the block of gates,
    features that matter less than others.
    """
    view = _flattened(view)
    live = _without_the_done(view)
    for reasons in (_TWICE, _ONCE, _OF_TROUBLE, _NONE):
        for shown in (view, live):
            drawn = _whole(shown, width, reasons)
            if height is None or len(drawn) <= height:
                return [fitted(line, width) for line in drawn]
    return [fitted(line, width) for line in _shortened(view, width, height or 1)]


def _without_the_done(view: View) -> View:
    hidden = tuple(one for one in view.rows if one.kind in _OVER)
    return replace(view, rows=tuple(one for one in view.rows if one.kind not in _OVER), hidden=hidden)


def table(view: View, width: int) -> list[Line]:
    """Return the rows alone, each with its reason, in lines of at most `width` columns."""
    return [fitted(line, width) for line in _table(_flattened(view), width, _WHOLE)]


def _flattened(view: View) -> View:
    names = ("name", "status", "workflow", "phase", "why", "heading")
    rows = tuple(replace(one, **{name: flat(getattr(one, name)) for name in names}) for one in view.rows)
    return replace(view, rows=rows, title=flat(view.title), stamp=flat(view.stamp), to_do=flat(view.to_do))


def bar(row: Row, line: Sequence[str], width: int) -> str:
    """Return where in the line a feature is, in at most `width` columns: one a workflow where there is room."""
    if not line or width < 1:
        return ""
    size = min(width, len(line))
    cells = [_cell(row, line[at * len(line) // size : (at + 1) * len(line) // size]) for at in range(size)]
    return "".join(cells)


def _cell(row: Row, ids: Sequence[str]) -> str:
    if row.kind != "completed" and row.status != "completed" and row.workflow in ids:
        return HERE
    return DONE if all(one in row.completed for one in ids) else AHEAD


# --- whole and short -------------------------------------------------------------------------------


def _tight(view: View, width: int) -> list[Line]:
    """Return one line a feature, no block and no empty lines."""
    return [*_head(view, width), *_table(view, width, _NONE), *_foot(view, width, lines=1)]


def _whole(view: View, width: int, reasons: Reasons) -> list[Line]:
    gates = [one for one in view.rows if one.kind == "gate"]
    parts = [_head(view, width), _gates(view, gates, width), _table(view, width, reasons), _foot(view, width, lines=3)]
    lines: list[Line] = []
    for part in parts:
        lines += [*([()] if lines and part else []), *part]
    return lines


def _shortened(view: View, width: int, height: int) -> list[Line]:
    """Return the features that matter most, and a line that says how many more there are."""
    for count in range(min(len(view.rows), height), 0, -1):
        drawn = _tight(replace(view, rows=view.rows[:count], hidden=view.rows[count:]), width)
        if len(drawn) <= height:
            return drawn
    return _tight(view, width)[-1:]  # what to do now; there is no room for more


# --- its parts -------------------------------------------------------------------------------------


def _head(view: View, width: int) -> list[Line]:
    said = f"{view.title}: {counts((*view.rows, *view.hidden)) or 'no feature'}"
    room = width - columns(view.stamp) - _GAP
    if room < columns(said):
        return [_plain(one, "bold") for one in folded(said, width)][:2]
    return [((filled(said, room), "bold"), (" " * _GAP, ""), (view.stamp, "dim"))]


def _gates(view: View, gates: Sequence[Row], width: int) -> list[Line]:
    """Return the block of what waits for a person, oldest first."""
    if not gates:
        return []
    names = min(max(columns(one.name) for one in gates), max(8, width // 4))
    places = min(max(columns(one.workflow) for one in gates), 8)
    ages = [age(one.since, view.present) if one.since is not None else "" for one in gates]
    since = max(map(columns, ages))
    lines: list[Line] = [(("Waiting for you, the longest first", "bold"),)]
    for one, waited in zip(gates, ages, strict=True):
        kind = "goes outside" if one.is_outward else ""
        room = width - 2 - names - places - since - 3 * _GAP - (len(kind) + _GAP if kind else 0)
        heading = cut(one.heading, max(room, 0))
        lines.append((
            (f"{MARKS['gate']} ", STYLES["gate"]),
            (f"{filled(one.name, names)}  ", "bold"),
            (f"{' ' * (since - columns(waited))}{waited}  ", STYLES["gate"]),
            (f"{filled(one.workflow, places)}  ", ""),
            (heading, ""),
            (f"  {kind}" if kind else "", "bold"),
        ))  # fmt: skip
    return lines


def _table(view: View, width: int, reasons: Reasons) -> list[Line]:
    """Return the table; a reason that its feature's line does not hold stands below it, cut short or left out."""
    if not view.rows:
        return _left(view)
    found = squeezed(_columns(view, width), width - 2)
    taken = 2 + sum(one.width + _GAP for one in found)
    beside = width - taken if width - taken >= (_ROOM if reasons else 8) else 0
    heading = "  " + "".join(filled(one.heading, one.width) + " " * _GAP for one in found)
    lines: list[Line] = [((heading + ("WHY" if beside else ""), "bold"),)]
    for at, row in enumerate(view.rows):
        cells = [(filled(one.cells[at][0], one.width) + " " * _GAP, one.cells[at][1]) for one in found]
        mark = (filled(MARKS.get(row.kind, ""), 2), STYLES.get(row.kind, ""))
        is_below = not beside or (bool(reasons.get(row.kind)) and columns(row.why) > beside)
        lines.append((mark, *cells, *([(cut(row.why, beside), "")] if not is_below else [])))
        if is_below:
            below = list(folded(row.why, max(1, width - _INDENT)))
            shown = _first(below, reasons.get(row.kind, 0), width - _INDENT)
            lines += [_plain(" " * _INDENT + one, "dim") for one in shown]
    return [*lines, *_left(view)]


def _left(view: View) -> list[Line]:
    if not view.hidden:
        return []
    return [_plain(f"{MORE} and {len(view.hidden)} more (--all): {counts(view.hidden)}", "dim")]


def _first(lines: Sequence[str], count: int, width: int) -> list[str]:
    if len(lines) <= count or not count:
        return list(lines[:count])
    return [*lines[: count - 1], cut(f"{lines[count - 1]} {lines[count]}", width)]


def _columns(view: View, width: int) -> list[Column]:
    rows, is_wide = view.rows, width >= 140
    size = len(view.line)
    count = len(str(size))

    def of(found: Callable[[Row], str | Piece]) -> list[Piece]:
        return [one if isinstance(one, tuple) else (one, "") for one in map(found, rows)]

    def where(row: Row) -> str:
        if row.status == "completed":
            return "done"
        return f"{row.workflow} {row.phase}" if row.phase != row.workflow else row.workflow

    def along(row: Row) -> str:
        done = sum(one in row.completed for one in view.line)
        return f"{bar(row, view.line, 32 if is_wide else 12)} {done:>{count}}/{size}"

    def since(row: Row) -> Piece:
        is_told = row.since is not None and row.kind not in _OVER
        return age(row.since, view.present) if row.since and is_told else "", STYLES.get(row.kind, "")

    def point(row: Row) -> str:
        if not row.checkpoint:
            return ""
        then = row.checkpointed
        return f"#{row.checkpoint}" + (f" {age(then, view.present)}" if is_wide and then is not None else "")

    found = [
        column("FEATURE", of(lambda row: (row.name, "bold")), 0, 14, 40 if is_wide else 20),
        column("LINE", of(along), 4, 0, 48) if size else None,
        column("STATUS", of(lambda row: (row.status, STYLES.get(row.kind, ""))), 3, 0, 9),
        column("AT", of(where), 1, 8, 24 if is_wide else 14),
        column("SINCE", of(since), 2, 0, 11) if any(one.since for one in rows) else None,
        column("ATTEMPT" if is_wide else "ATT.", of(lambda row: str(row.attempt or "-")), 5, 0, 7),
        column("CHECKPOINT" if is_wide else "CKPT", of(point), 6, 0, 18)
        if any(one.checkpoint for one in rows)
        else None,
        column("COST", of(_cost), 7, 0, 10) if any(one.spent.cost for one in rows) else None,
    ]
    return [one for one in found if one is not None]


def _cost(row: Row) -> str:
    return f"${row.spent.cost:.2f}" if row.spent.cost else ""


def squeezed(found: Sequence[Column], width: int) -> list[Column]:
    """Return the columns as they fit: the least important ones go until the rest, as narrow as it may get, fits."""
    left = list(found)
    while len(left) > 1 and _taken([one.least for one in left]) > width:
        left.remove(max(left, key=lambda one: one.rank))
    while _taken([one.width for one in left]) > width and any(one.width > one.least for one in left):
        broadest = max(left, key=lambda one: one.width - one.least)
        left[left.index(broadest)] = replace(broadest, width=broadest.width - 1)
    return left if len(left) > 1 else [replace(one, width=min(one.width, max(width, 0))) for one in left]


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _foot(view: View, width: int, lines: int) -> list[Line]:
    """Return what is the same for all, and last what to do now."""
    found = [_plain(one, "") for text in view.foot for one in _first(list(folded(flat(text), width)), lines, width)]
    if view.to_do:
        found += [_plain(one, "bold") for one in _first(list(folded(f"now: {view.to_do}", width)), lines, width)]
    return found


def _plain(text: str, style: str) -> Line:
    return ((text, style),)


def fitted(line: Line, width: int) -> Line:
    """Return a line cut to the width, without blanks at its end."""
    pieces: list[Piece] = []
    room = width
    for text, style in line:
        shown = cut(text if columns(text) <= room else text.rstrip(), room)  # blanks beyond the end are not missed
        pieces.append((shown, style))
        room -= columns(shown)
        if shown != text:
            break
    while pieces and not pieces[-1][0].strip():
        pieces.pop()
    return (*pieces[:-1], (pieces[-1][0].rstrip(), pieces[-1][1])) if pieces else ()


def text_of(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(text for text, _ in line)
