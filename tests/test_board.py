"""The dashboard as lines: no terminal is too narrow or too short, no text breaks it, the most important stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.board import View, bar, board, column, fitted, squeezed, table, text_of
from orchestrator.core.columns import columns
from orchestrator.core.state import Spent
from orchestrator.standing import KINDS, Kind, Row

PRESENT = datetime(2026, 1, 31, 10, 30, tzinfo=UTC)
LINE = ("1", "2", "3", "4.5", "11a")
WORDS = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("日本🎉👩‍💻⚠️ \x1b\n")), max_size=60
)
STATUS: dict[Kind, str] = {"gate": "paused", "trouble": "failed", "waits": "blocked", "completed": "completed"}


def row(name: str, kind: Kind = "ready", minutes: int | None = None, completed: int = 1, why: str = "why") -> Row:
    return Row(
        name=name, kind=kind, status=STATUS.get(kind, "active"), workflow=LINE[completed % len(LINE)], phase="GATE 1",
        attempt=0, completed=LINE[:completed], started=1, why=why, heading=f"GATE 1: {name}",
        since=None if minutes is None else PRESENT - timedelta(minutes=minutes), checkpoint=3,
    )  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> Row:
    words = {name: draw(WORDS) for name in ("name", "status", "phase", "why", "heading")}
    return Row(
        kind=draw(st.sampled_from(list(KINDS))), workflow=draw(st.sampled_from(LINE)), attempt=draw(st.integers(0, 99)),
        completed=LINE[: draw(st.integers(0, 5))], started=1, checkpoint=draw(st.integers(0, 9999)),
        since=draw(st.none() | st.just(PRESENT)), checkpointed=draw(st.none() | st.just(PRESENT)),
        spent=Spent(cost=draw(st.sampled_from((0.0, 12.34)))), is_outward=draw(st.booleans()), **words,
    )  # fmt: skip


VIEWS = st.builds(
    View,
    present=st.just(PRESENT), rows=st.lists(rows(), max_size=12).map(tuple), title=WORDS, stamp=WORDS,
    line=st.sampled_from(((), LINE)), foot=st.lists(WORDS, max_size=3).map(tuple), to_do=WORDS,
)  # fmt: skip


@given(VIEWS, st.integers(1, 250), st.none() | st.integers(1, 60))
def test_no_line_is_wider_and_no_drawing_higher_than_the_terminal(view: View, width: int, height: int | None) -> None:
    drawn = board(view, width, height)
    shown = [text_of(line) for line in drawn]
    assert all(columns(one) <= width for one in shown)
    assert all(one.isprintable() and one == one.rstrip() for one in shown)
    assert height is None or len(drawn) <= height


@given(VIEWS, st.integers(20, 250))
def test_every_feature_has_its_line_where_there_is_no_end_to_the_terminal(view: View, width: int) -> None:
    assert sum(bool(one) for one in view.rows) <= len(table(view, width))


def shown(view: View, width: int, height: int | None = None) -> str:
    return "\n".join(text_of(line) for line in board(view, width, height))


def test_what_waits_for_a_person_stands_in_a_block_at_the_top_and_the_last_line_says_what_to_do() -> None:
    view = View(
        title="shop", stamp="10:30:00", present=PRESENT, line=LINE, foot=("parked: search",), to_do="orchestrator run",
        rows=(row("payment", "gate", 125), row("search", "trouble", 7, why="parked: quota"), row("refund", completed=0)),
    )  # fmt: skip
    assert shown(view, 80) == (
        "shop: 1 waits for you, 1 failed or parked, 1 ready                      10:30:00\n"
        "\n"
        "Waiting for you, the longest first\n"
        "? payment  2 h 5 min  2  GATE 1: payment\n"
        "\n"
        "  FEATURE  LINE       STATUS  AT        SINCE      ATT.  CKPT\n"
        "? payment  █▓░░░ 1/5  paused  2 GATE 1  2 h 5 min  -     #3\n"
        "! search   █▓░░░ 1/5  failed  2 GATE 1  7 min      -     #3\n"
        "    parked: quota\n"
        "  refund   ▓░░░░ 0/5  active  1 GATE 1             -     #3\n"
        "    why\n"
        "\n"
        "parked: search\n"
        "now: orchestrator run"
    )


def test_with_more_features_than_lines_those_that_wait_and_work_stay_and_a_line_counts_the_rest() -> None:
    done = tuple(row(f"done-{at}", "completed", completed=5) for at in range(40))
    view = View(
        title="shop", present=PRESENT, line=LINE, to_do="x",
        rows=(row("payment", "gate", 9), *(row(f"at-work-{at}", "running", 1) for at in range(9)), *done),
    )  # fmt: skip
    whole = shown(view, 80, 23)
    assert "… and 40 more (--all): 40 completed" in whole
    assert all(f"at-work-{at} " in whole for at in range(9))
    short = shown(view, 80, 8)
    assert "? payment" in short
    assert "> at-work-2 " in short
    assert "… and 46 more (--all): 6 running, 40 completed" in short
    assert short.endswith("now: x")
    assert "more" not in shown(view, 80)


def test_blanks_at_a_lines_end_are_not_told_as_cut() -> None:
    assert fitted((("name  ", ""), ("CKPT  ", "")), 10) == (("name  ", ""), ("CKPT", ""))
    assert fitted((("name  ", ""), ("CKPT  ", "")), 9) == (("name  ", ""), ("CK…", ""))


def test_a_reason_stands_in_its_own_line_only_where_the_terminal_is_narrow() -> None:
    view = View(present=PRESENT, rows=(row("search", "held", why="passed over: it merges"),), line=LINE)
    assert text_of(table(view, 200)[-1]).endswith("  passed over: it merges")
    assert text_of(table(view, 80)[-1]) == "    passed over: it merges"


def test_the_state_is_never_told_by_colour_alone() -> None:
    kinds: tuple[Kind, ...] = ("gate", "trouble", "running", "ready")
    view = View(present=PRESENT, rows=tuple(row("same", kind) for kind in kinds))
    marks = [text_of(line)[0] for line in table(view, 200)[1:]]
    assert marks == ["?", "!", ">", " "]


def test_the_bar_has_a_cell_for_each_workflow_or_one_for_several() -> None:
    assert bar(row("a", completed=2), LINE, 12) == "██▓░░"
    assert bar(row("a", "completed", completed=5), LINE, 12) == "█████"
    assert bar(row("a", completed=2), LINE, 2) == "█▓"
    assert bar(row("a"), (), 12) == ""


def test_columns_get_narrower_before_the_least_important_goes() -> None:
    name = column("FEATURE", [("x" * 30, "")], 0, 14, 40)
    cost = column("COST", [("$1.00", "")], 7, 0, 10)
    assert [one.width for one in squeezed((name, cost), 30)] == [23, 5]
    assert [one.width for one in squeezed((name, cost), 18)] == [18]
    assert [one.width for one in squeezed((name, cost), 5)] == [5]
