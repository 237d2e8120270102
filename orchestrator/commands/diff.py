"""`diff FEATURE A [B]`: what differs between two moments. Neither writes nor takes in what happened meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from orchestrator import differing, moments, render, session
from orchestrator.adapters.agent import one_line, plain
from orchestrator.differing import Change, Commits, Difference, File, Moment
from orchestrator.narrating import quoted

_ROWS = 50  # of a list


@click.command("diff")
@click.argument("feature")
@click.argument("begin", metavar="A")
@click.argument("end", metavar="[B]", required=False, default="now")
@click.option("--stat", is_flag=True, help="Name the context files that differ, without their lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(feature: str, begin: str, end: str, stat: bool, as_json: bool) -> None:
    """Show what differs in FEATURE between the moments A and B (now): state, context files, commits, code.

    A moment is `now`, a checkpoint's number N, checkpoint/NAME/N, #ID (after that event), or a time with offset.
    """
    with session.reading() as workspace:
        known = workspace.feature(feature)
        if workspace.problem is not None:
            workspace.notices.append(
                f"the log does not hold at line {workspace.problem.line}; shown is up to it: orchestrator verify"
            )
        events = [moments.event_at(workspace, known.slug, one) for one in (begin, end)]
        first, second = (
            differing.moment(workspace, known, words, event) for words, event in zip((begin, end), events, strict=True)
        )
        found = differing.difference(workspace, first, second)
        if as_json:
            render.json(_shape(found, stat=stat))
        else:
            for row in _rows(found, stat=stat):
                click.echo(row)


def _rows(found: Difference, *, stat: bool) -> Iterator[str]:
    yield f"{found.begin.feature.slug}  from {_named(found.begin)}"
    yield f"{' ' * len(found.begin.feature.slug)}    to {_named(found.end)}"
    if found.is_empty:
        yield "nothing differs"
    for title, rows in (
        ("state", _state(found)),
        ("context files", _context(found.context or (), stat=stat)),
        ("commits: - not there any more, + new", _commits(found)),
        ("code", _code(found.code or ())),
        ("not committed", iter(one_line(name) for name in found.uncommitted)),
        ("gone", iter(one_line(line) for line in found.lost)),
    ):
        yield from _block(title, list(rows))


def _block(title: str, rows: list[str]) -> Iterator[str]:
    if rows:
        yield ""
        yield click.style(title, bold=True)
    yield from (f"  {row}" for row in rows)


def _named(one: Moment) -> str:
    at = f"{render.parsed(one.at):%Y-%m-%d %H:%M:%S}"
    if one.words == "now" or one.words.startswith("#"):
        return f"{one.words} ({at})"
    name = f"checkpoint {one.words}" if one.words.isdecimal() else one_line(one.words)
    return f"{name} (#{one.event}, {at})"


def _capped(rows: list[str], count: int) -> Iterator[str]:
    yield from rows[:_ROWS]
    if count > len(rows[:_ROWS]):
        yield f"... and {count - len(rows[:_ROWS])} more"


# --- state -----------------------------------------------------------------------------------------


def _state(found: Difference) -> Iterator[str]:
    width = max((len(name) for name in found.state), default=0)
    for name, (old, new) in found.state.items():
        rows = list(_changed(old, new))
        yield f"{one_line(name).ljust(width)}  {rows[0]}"
        yield from (f"{' ' * width}  {row}" for row in rows[1:])


def _changed(old: Any, new: Any) -> Iterator[str]:
    """Give what became of a field: of a list what came and what went, else the old and the new value."""
    if not (isinstance(old, list) and isinstance(new, list)):
        yield f"{_value(old)} -> {_value(new)}"
        return
    gone, come = ([one for one in these if one not in others] for these, others in ((old, new), (new, old)))
    rows = [*(f"- {_value(one)}" for one in gone), *(f"+ {_value(one)}" for one in come)]
    yield from _capped(rows or ["in another order"], len(rows))


def _value(value: Any) -> str:
    """Return a value of the state in a few words."""
    if value in (None, "", {}, []):
        return "none"
    match value:
        case {"note": note}:
            return quoted(str(note))
        case {"tag": tag, "commit": commit}:
            return quoted(f"{tag} {str(commit)[:10]}")
        case {"trigger": trigger, "type": kind}:
            return quoted(f"{trigger} ({kind})")
        case dict():
            return quoted(", ".join(f"{key}: {one}" for key, one in value.items()))
        case list():
            return quoted(", ".join(str(one) for one in value))
        case _:
            return quoted(str(value))


# --- files and commits -----------------------------------------------------------------------------


_HOW = {"added": "A", "removed": "D", "changed": "M"}


def _context(files: tuple[File, ...], *, stat: bool) -> Iterator[str]:
    for one in files:
        added, removed = (sum(row.startswith(sign) for row in one.lines) for sign in "+-")
        counts = f"+{added} -{removed}" if not one.why and not one.more else f"{one.bytes} bytes"
        yield f"{_HOW[one.how]}  {one_line(one.name)}  {counts}{f' ({one.why})' if one.why else ''}"
        if stat:
            continue
        yield from (f"     {_coloured(plain(row).replace(chr(9), '    '))}" for row in one.lines)
        if one.more:
            yield f"     ... and {one.more} lines more"


def _coloured(row: str) -> str:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(row[:1])
    return click.style(row, fg=colour) if colour else row


def _commits(found: Difference) -> Iterator[str]:
    for sign, commits in (("-", found.left), ("+", found.made)):
        if commits is not None:
            yield from _listed(sign, commits)


def _listed(sign: str, commits: Commits) -> Iterator[str]:
    rows = [f"{sign} {one.commit[:10]} {quoted(one.subject)}" for one in commits.listed]
    yield from _capped(rows, commits.count)


def _code(files: tuple[Change, ...]) -> Iterator[str]:
    rows = [f"+{one.added} -{one.removed}  {one_line(one.path)}" for one in files]
    yield from _capped(rows, len(rows))


# --- JSON ------------------------------------------------------------------------------------------


def _shape(found: Difference, *, stat: bool) -> dict[str, Any]:
    return {
        "feature": found.begin.feature.id,
        "from": _moment(found.begin),
        "to": _moment(found.end),
        "state": {name: list(values) for name, values in found.state.items()},
        "context": None if found.context is None else [_file(one, stat=stat) for one in found.context],
        "commits": {"left": _plain(found.left), "made": _plain(found.made)},
        "code": None
        if found.code is None
        else [{"path": one.path, "added": one.added, "removed": one.removed} for one in found.code],
        "uncommitted": list(found.uncommitted),
        "lost": list(found.lost),
    }


def _moment(one: Moment) -> dict[str, Any]:
    return {"moment": one.words, "event": one.event, "at": one.at, "commit": one.commit, "snapshot": one.snapshot}


def _file(one: File, *, stat: bool) -> dict[str, Any]:
    found = {"name": one.name, "how": one.how, "bytes": one.bytes, "why": one.why}
    return found if stat else {**found, "lines": list(one.lines), "more": one.more}


def _plain(commits: Commits | None) -> dict[str, Any] | None:
    if commits is None:
        return None
    listed = [{"commit": one.commit, "subject": one.subject} for one in commits.listed]
    return {"count": commits.count, "listed": listed}
