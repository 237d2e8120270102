"""Prints a feature's checkpoints as a tree, with what rollbacks and undos did to them. Writes nothing.

Box characters where the locale has them, plain ASCII elsewhere.
"""

from __future__ import annotations

import locale
import shutil
import sys
from collections.abc import Iterator

import click

from orchestrator import render
from orchestrator.core.events import Event
from orchestrator.core.graph import ASCII, START, Glyphs, Move, Node, Parents, Row, Tree, drawn, tree
from orchestrator.core.story import named
from orchestrator.core.values import Sha, Slug
from orchestrator.errors import GitFailed
from orchestrator.narrating import quoted
from orchestrator.workspace import Workspace, person

_LANES = "●○◉│┊├─╯╭"


def grown(workspace: Workspace, name: Slug, events: list[Event]) -> Tree:
    """Return the tree of a feature's events; what git lost of it is told by the log alone."""
    return tree(events, _parents(workspace, name))


def _parents(workspace: Workspace, name: Slug) -> Parents:
    """Return the parents of all commits that lead to checkpoints and were made since the feature's first one."""
    refs = f"--glob=refs/orchestrator/checkpoint/{name}/*"
    first = workspace.feature(name).first
    try:
        rows = workspace.git.unaltered().lines("rev-list", "--parents", refs, *(["--not", first] if first else []))
    except GitFailed:  # the first commit is gone, or git holds an object no more
        return {}
    found = (row.split(" ") for row in rows)
    return {Sha(commit): [Sha(one) for one in parents] for commit, *parents in found}


def show(workspace: Workspace, name: Slug, found: Tree, *, folds: bool) -> None:
    """Print the tree, newest first."""
    width = max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else 0
    me = person(workspace.git)
    glyphs = Glyphs() if _has_boxes() else ASCII
    for row in drawn(found, glyphs, folds=folds):
        text = f"{row.lane}  {_text(row, found, me)}".rstrip()
        cut = text if not width or len(text) <= width else f"{text[: width - 1]}{'…' if _has_boxes() else '~'}"
        click.echo(click.style(cut, bold=True) if row.nodes == (found.here,) else cut)


def _has_boxes() -> bool:
    """Tell whether the locale, not only Python, knows the characters."""
    try:
        _LANES.encode(locale.getencoding())
        _LANES.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True


def _text(row: Row, found: Tree, me: str) -> str:
    if row.move is not None:
        return _moved(row.move, me, is_arrival=row.is_arrival)
    if len(row.nodes) > 1:
        return f"... {len(row.nodes)} checkpoints, {row.nodes[-1]} to {row.nodes[0]}"
    return _checkpoint(found.nodes[row.nodes[0]], is_now=row.nodes[0] == found.here) if row.nodes else ""


def _checkpoint(node: Node, *, is_now: bool) -> str:
    when = f"{render.parsed(node.at):%Y-%m-%d %H:%M}"
    now = "<- now" if is_now else ""
    if node.n == START:
        return f"start  {node.commit[:10]}  {when}  {now}"
    place = quoted(f"{node.workflow}/{node.phase}")
    return f"{node.n:<3}  {node.commit[:10]}  {when}  {place:<5}  {f'{now}  ' if now else ''}{_what(node)}"


def _what(node: Node) -> str:
    if node.cause == "workflow":
        return f"begin of workflow {quoted(node.workflow)}"
    return "by hand" if node.cause == "hand" else quoted(node.action)


def _moved(move: Move, me: str, *, is_arrival: bool) -> str:
    """Return what a move says below one of its ends."""
    at = f"{render.parsed(move.at):%m-%d %H:%M}"
    who = "by itself" if move.automatic else f"by {named(move.actor, me, quoted)}"
    where = f"{move.end}" if move.end else "the start"
    begin = f"{move.begin}" if move.begin else "the start"
    left = f", {move.left} left behind" if move.left else ""
    why = f": {quoted(move.why)}" if move.why else ""
    said = {
        ("rollback", True): f"{at} rolled back to here from {begin} {who}{left}",
        ("rollback", False): f"{at} rolled back from here to {where} {who}{why}",
        ("undo", True): f"{at} the rollback to {begin} was undone {who}: back here{left}",
        ("undo", False): f"{at} the rollback to here was undone {who}",
        ("moved", True): f"{at} the branch was moved here from {begin}{left}{why}",
        ("moved", False): f"{at} the branch was moved from here to {where}",
        ("rewritten", False): f"{at} left for {where}{why}",
        ("gone", True): f"{at} the branch is gone",
        ("ordered", False): f"{at} a rollback from here to {where} {who} is under way",
    }
    return said.get((move.kind, is_arrival), "")


def shape(found: Tree) -> dict[str, object]:
    """Return the tree as `log --graph --json` prints it."""
    return {
        "now": found.here,
        "checkpoints": list(_nodes(found)),
        "moves": [
            {
                "kind": one.kind,
                "from": one.begin,
                "to": one.end,
                "at": one.at,
                "actor": one.actor,
                "reason": one.why,
                "left": one.left,
                "rescue": one.rescue,
            }
            for one in found.moves
        ],
    }


def _nodes(found: Tree) -> Iterator[dict[str, object]]:
    for one in found.nodes.values():
        keys = ("n", "commit", "parent", "at", "workflow", "phase", "cause", "action")
        yield {key: getattr(one, key) for key in keys}
