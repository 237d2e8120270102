"""The log as a story: which events have a line, who did it, how long it took, and where the last run began."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from orchestrator.core import events as fact
from orchestrator.core.events import Event
from orchestrator.core.story import last_run, named, story
from tests.core.history import CONTEXT, HEAD, LINE, NEXT, PERSON, History


def checkpoint(n: int, run: str = "", cause: str = "commit") -> fact.CheckpointCreated:
    return fact.CheckpointCreated(n=n, commit=HEAD, snapshot=CONTEXT, run=run, cause=cause, action="commit: x")


def told(history: History) -> list[tuple[str, str]]:
    return [(one.who, one.text) for one in story(history.events, str, PERSON)]


def ordered(operation: str, n: int, undoes: str = "") -> fact.RollbackOrdered:
    moment = fact.Moment(place=fact.Place("1", 1, "1"))
    return fact.RollbackOrdered(
        operation=operation, n=n, commit=HEAD, snapshot=CONTEXT, old=NEXT, moment=moment, undoes=undoes
    )


def test_a_feature_that_works_waits_and_goes_on_is_told_line_by_line() -> None:
    history = History()
    history.start()
    for _ in range(3):
        history.work(LINE)
    history.approve(LINE, answer="B")
    assert told(history) == [
        ("you", "starts on branch feat/payment"),
        ("kit", "workflow 1 begins"),
        ("agent", "1/1: passed in 1 s"),
        ("agent", "1/2: passed in 1 s"),
        ("kit", "workflow 1 “Make it” is done after 5 s"),
        ("kit", "workflow 2 begins"),
        ("agent", "2/1: done in 1 s, waits at GATE 1: Screens"),
        ("you", "approved GATE 1: Screens after it waited 1 s, answer: B"),
    ]


def test_the_commits_of_an_attempt_are_counted_at_its_end_and_those_by_hand_share_a_line() -> None:
    history = History()
    history.start()
    history.say(checkpoint(1, cause="workflow"))
    history.begin(run="a")
    history.say(checkpoint(2, run="a"))
    history.say(checkpoint(3, run="a"))
    history.say(fact.AgentEnded(run="a", client="claude", ended="done", cost=0.5))
    history.say(fact.AttemptFailed(ordinal=1, attempt=1, run="a", reason="exit 1"))
    history.say(checkpoint(4))
    history.say(checkpoint(5))
    history.say(checkpoint(6), actor="hook:post-commit")
    assert told(history)[2:] == [
        ("agent", "1/1: attempt 1 failed after 4 s: exit 1"),
        ("git", "3 commits, checkpoints 4 to 6"),
    ]
    assert len(story(history.events, str, whole=True)) == len(history.events)


def test_an_attempt_and_a_rollback_that_last_are_told_too() -> None:
    history = History()
    history.start()
    history.begin()
    assert told(history)[-1] == ("kit", "1/1: attempt 1 begins")
    history.say(ordered("a", 3), actor=PERSON)
    assert told(history)[-1] == ("you", "a rollback to checkpoint 3 begins")


def test_a_rollback_is_whose_who_ordered_it_and_an_undo_names_what_it_undid() -> None:
    history = History()
    history.start()
    history.say(ordered("a", 3), actor="person:otto@example.org")
    history.say(fact.RollbackExecuted(operation="a", n=3, commit=HEAD, rescue="r"))
    history.say(ordered("b", 0, undoes="a"), actor=PERSON)
    history.say(fact.RollbackUndone(operation="b", undoes="a", commit=NEXT, rescue="r"))
    assert told(history)[1:] == [
        ("otto", "rolled back to checkpoint 3 in 1 s"),
        ("you", "undid the rollback to checkpoint 3 in 1 s"),
    ]


def test_what_is_not_chosen_is_read_for_what_stands_beside() -> None:
    history = History()
    history.start()
    history.work(LINE)
    (line,) = story(history.events, str, chosen=lambda one: one.event_type == "phase_completed")
    assert line.text == "1/1: passed in 1 s"


def test_actors_are_named_in_a_word() -> None:
    names = [named(one, PERSON, str) for one in (PERSON, "person:otto@x", "kit", "agent:claude", "hook:post-commit")]
    assert names == ["you", "otto", "kit", "agent", "git"]


# --- the last run ----------------------------------------------------------------------------------


def later(events: list[Event], since: int, hours: float) -> list[Event]:
    """Return events with those after number `since` moved by hours."""
    shift = timedelta(hours=hours)
    return [
        replace(one, timestamp=(datetime.fromisoformat(one.timestamp) + shift).isoformat()) if one.id > since else one
        for one in events
    ]


def test_the_last_run_begins_with_the_first_step_after_an_hour_without_one() -> None:
    history = History()
    history.start()
    history.work(LINE)
    before = len(history.events)
    history.say(fact.NoteAdded(note="x"), actor=PERSON)
    note = len(history.events)
    history.say(checkpoint(1, cause="workflow"))  # of the step that follows
    history.work(LINE)
    history.work(LINE)
    assert last_run(history.events) == 1  # all of it one series, behind the feature's beginning
    assert last_run(later(history.events, before, 0.9)) == 1
    assert last_run(later(history.events, before, 1.1)) == note


def test_a_wait_for_a_quota_does_not_end_a_run_and_a_wait_for_a_person_does() -> None:
    for actor, expected in (("kit", 1), (PERSON, 5)):
        history = History()
        history.start()
        history.begin(run="a")
        history.say(fact.FeaturePaused(reason="quota", kind="parked", run="a", until="x"))
        parked = len(history.events)
        history.say(fact.FeatureResumed(), actor=actor)
        history.begin(run="b")
        assert last_run(later(history.events, parked, 5)) == expected, actor


def test_without_a_step_all_is_of_the_last_run() -> None:
    assert last_run([]) == 0
    history = History()
    history.start()
    assert last_run(history.events) == 0
