"""A feature's story in rows: what took its time and what took none, in the order of the log."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.board import text_of
from orchestrator.core.columns import columns
from orchestrator.core.events import (
    AttemptFailed,
    CheckpointCreated,
    FeaturePaused,
    FeatureResumed,
    Moment,
    NoteAdded,
    RollbackExecuted,
    RollbackOrdered,
)
from orchestrator.core.values import Sha
from orchestrator.timeline import Entry, drawn, entries
from tests.core.history import HEAD, LINE, History, at


def told(history: History) -> list[str]:
    return [f"{one.what} | {one.ended} | {one.more}" for one in entries(history.events)]


def checkpoint(n: int, run: str = "") -> CheckpointCreated:
    return CheckpointCreated(n=n, commit=HEAD, snapshot=HEAD, run=run)


def test_attempts_gates_and_decisions_are_told_in_their_order() -> None:
    history = History()
    history.start()
    history.work(LINE)
    history.say(checkpoint(4))
    history.work(LINE)
    history.work(LINE)
    history.approve(LINE, answer="with the logo")
    assert told(history) == [
        "started, branch feat/payment |  | ",
        "workflow 1 begins:  |  | ",
        "1/1 attempt 1 | passed | ",
        "checkpoint 4, a commit outside of an attempt |  | ",
        "1/2 attempt 1 | passed | ",
        "workflow 1 | completed | ",
        "workflow 2 begins:  |  | ",
        "2/1 attempt 1 | reached its gate | ",
        "waits at GATE 1: Screens | approved | by ana@example.org; “with the logo”",
    ]


def test_failures_rollbacks_and_pauses_are_told_with_their_reasons() -> None:
    history = History()
    history.start()
    history.begin(run="a")
    history.say(checkpoint(2, "a"))
    history.say(AttemptFailed(ordinal=1, attempt=1, run="a", reason="exit\x1b[2J 1"))
    history.say(checkpoint(3, "a"))  # its commit was recorded after its end
    moment = Moment(place=history.of().place)
    ordered = RollbackOrdered(operation="o", n=1, commit=HEAD, snapshot=HEAD, old=HEAD, moment=moment, reason="again")
    history.say(ordered)
    history.say(RollbackExecuted(operation="o", n=1, commit=Sha(HEAD), rescue="x"))
    history.say(FeatureResumed())
    history.say(FeaturePaused(reason="lunch"))
    history.say(NoteAdded(note="back at one"))
    assert told(history)[2:] == [
        "1/1 attempt 1 | failed | exit 1; checkpoints 2-3",
        "rollback to checkpoint 1 | done | ",
        "paused: lunch | now | ",
        "note: back at one |  | ",
    ]


def test_what_lasts_is_counted_up_to_the_present() -> None:
    history = History()
    history.start()
    history.begin()
    began = datetime.fromisoformat(at(3))
    (last,) = [one for one in entries(history.events, began.replace(hour=began.hour + 1)) if one.kind == "attempt"]
    assert (last.seconds, last.ended) == (3600.0, "now")


ENTRIES = st.lists(
    st.builds(
        Entry, event=st.integers(1, 9), at=st.sampled_from([at(1), at(2), "no time"]), what=st.text(max_size=99),
        kind=st.sampled_from(["", "gate"]), seconds=st.none() | st.floats(0, 1e6), more=st.text(max_size=99),
        ended=st.sampled_from(["", "passed", "now"]),
    ),
    max_size=8,
)  # fmt: skip


@given(ENTRIES, st.integers(1, 200))
def test_no_row_is_wider_than_the_terminal(found: list[Entry], width: int) -> None:
    assert all(columns(text_of(line)) <= width for line in drawn(found, width))


def test_a_day_stands_in_a_line_of_its_own() -> None:
    days = ("2026-01-30T10:00:00+00:00", "2026-01-31T12:00:00+00:00", "2026-01-31T12:00:01+00:00")
    found = [Entry(event=at_, at=day, what="x") for at_, day in enumerate(days, 1)]
    assert [text_of(line).split()[0] for line in drawn(found, 80) if "-" in text_of(line)] == [
        "2026-01-30",
        "2026-01-31",
    ]
