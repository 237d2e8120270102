"""`log` in words and as a tree, and `diff`, over a real repository with a rollback, its undo, and an amended commit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator import drawing
from orchestrator.errors import WrongUsage
from orchestrator.moments import after
from orchestrator.workspace import Workspace
from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    """Two features; payment has an amended commit, was rolled back twice, once undone, and went on."""
    base = tmp_path_factory.mktemp("looking")
    kit = created(base / "place/shop", env)
    kit.do("start", "payment")
    kit.do("start", "login")
    kit.do("next", "payment")  # 1 rollback point, 2
    tree = kit.worktree("payment")
    (tree / ".context/feat-payment_plan.md").write_text("a plan\n")
    kit.commit("by hand", cwd=tree)  # 3
    kit.git("commit", "-q", "--amend", "--allow-empty", "-m", "by hand, better", cwd=tree)  # 4
    kit.do("next", "payment")  # 5 rollback point, 6
    kit.do("rollback", "payment", "--to", "2")
    kit.do("rollback", "payment", "--undo")
    kit.do("rollback", "payment", "--to", "4")
    kit.do("resume", "payment")
    kit.git("config", "user.name", "Another Person")  # else, within a second, git makes the very commit of before
    kit.do("next", "payment")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def words(kit: Kit, *more: str) -> list[str]:
    """Return the story without its times, numbers of seconds as N."""
    rows = kit.do("log", "--words", *more).splitlines()
    return [re.sub(r"\d+ (s|min)\b", "N s", re.sub(r"^  \d\d:\d\d  ", "", row)) for row in rows]


# --- the story -------------------------------------------------------------------------------------


def test_in_words_the_log_has_days_as_headings_and_a_line_for_what_matters(kit: Kit) -> None:
    day, *rows = words(kit, "payment")
    assert re.fullmatch(r"[A-Z][a-z]+day \d{1,2} [A-Z][a-z]+ \d{4}", day)
    assert rows[:4] == [
        "you    starts on branch feat/payment",
        "kit    workflow 1 “Make it” begins (rollback point 1)",
        "agent  1/1 Write: passed in N s (1 commit)",
        "kit    workflow 1 “Make it” is done after N s",
    ]
    assert "git    2 commits, checkpoints 3 to 4" in rows
    assert [row for row in rows if "roll" in row and "begins" not in row] == [
        "you    rolled back to checkpoint 2 in N s",
        "you    undid the rollback to checkpoint 2 in N s",
        "you    rolled back to checkpoint 4 in N s",
    ]
    assert "login" in "\n".join(words(kit))


def test_piped_it_is_a_line_an_event_as_ever(kit: Kit) -> None:
    rows = kit.do("log").splitlines()
    assert [int(row.split()[0]) for row in rows] == [one["id"] for one in kit.events()]
    assert rows == kit.do("log", "--lines").splitlines()
    assert all(one["event_type"] in row for one, row in zip(kit.events(), rows, strict=True))


def test_asked_for_types_are_told_though_another_line_tells_of_them(kit: Kit) -> None:
    assert words(kit, "payment", "--type", "backup_created")[1].startswith("kit  backup of rollback point 1: ")
    assert words(kit, "--type", "sitting_held") == ["nothing happened in that time"]
    every = words(kit, "--all")
    assert len([row for row in every if not row.startswith(" ")]) >= len(kit.events())


def test_since_names_an_event_a_span_a_day_or_the_last_run(kit: Kit) -> None:
    everything = kit.shown("log")["events"]
    for since in ("8h", "1h30m", "yesterday"):
        assert kit.shown("log", "--since", since)["events"] == everything
    today = kit.shown("log", "--since", "today")["events"]  # all, unless midnight went by
    assert [one for one in everything if one in today] == today
    last = kit.shown("log", "--since", "last run")["events"]
    assert last == kit.shown("log", "--since", "last-run")["events"]
    assert [one["event_type"] for one in last[:2]] == ["worktree_created", "checkpoint_created"]
    for wrong in ("tomorrow", "8hh", "last week", "2026-01-31", "#²"):
        assert kit.inside("log", "--since", wrong)[0] == 2, wrong


def test_a_span_without_sense_is_refused_in_one_line(kit: Kit) -> None:
    with pytest.raises(WrongUsage) as error:
        after(Workspace.find(kit.root), "8hh")
    assert (str(error.value), error.value.hint) == ("'8hh' is no duration", "write it like 90m, 8h or 7d")


def test_the_story_of_a_feature_is_markdown(kit: Kit) -> None:
    found = kit.do("log", "payment", "--story")
    assert found.startswith("# payment\n\n**")
    assert "\n## Workflow 1 Make it\n\n- 1 Write, attempt 1: passed after " in found
    assert re.search(r"- .* rolled back by person from checkpoint 6 to checkpoint 2, leaving 3 checkpoints\n", found)
    assert re.search(r"- .* the rollback to checkpoint 2 was undone by person, back at checkpoint 6\n", found)


@pytest.mark.parametrize(
    "more", [["--story"], ["--graph"], ["payment", "--graph", "--story"], ["payment", "--graph", "--since", "8h"]]
)
def test_a_tree_and_a_story_are_of_one_feature_whole(kit: Kit, more: list[str]) -> None:
    assert kit.inside("log", *more)[0] == 2


def test_what_people_and_agents_wrote_sends_nothing_to_the_terminal(kit: Kit) -> None:
    kit.do("note", "payment", "-m", "a \x1b[31mred\x1b[0m | *word*\n# and\x07 more")
    assert "you    note: a red | *word* # and more" in words(kit, "payment")
    assert "note: a red \\| \\*word\\* # and more\n" in kit.do("log", "payment", "--story")


def test_before_a_feature_was_started_there_is_no_story(kit: Kit) -> None:
    status, _, err = kit.inside("log", "login", "--graph", "--at", "2000-01-01T00:00:00Z")
    assert (status, err.count("\n")) == (1, 1)


# --- the tree --------------------------------------------------------------------------------------


def test_the_tree_shows_what_was_left_where_and_where_the_branch_is(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "_has_boxes", lambda: True)
    rows = [
        re.sub(r"(\d{4}-)?\d\d-\d\d \d\d:\d\d ", "", row) for row in kit.do("log", "payment", "--graph").splitlines()
    ]
    assert [re.sub(r"(?<=  )[0-9a-f]{10}  .*", "...", row) for row in rows] == [
        "◉  8    ...",
        "●  7    ...",
        "│ ○  6    ...",
        "│ │  rolled back from here to 4 by you",
        "│ │  the rollback to 2 was undone by you: back here",
        "│ │  rolled back from here to 2 by you",
        "│ ○  5    ...",
        "├─╯",
        "●  4    ...",
        "│  rolled back to here from 6 by you, 2 left behind",
        "│ ○  3    ...",
        "│ │  left for 4: commit (amend): by hand, better",
        "├─╯",
        "●  2    ...",
        "│  the rollback to here was undone by you",
        "│  rolled back to here from 6 by you, 3 left behind",
        "●  1    ...",
        "●  start  ...",
    ]
    assert "<- now" in rows[0]


def test_the_tree_as_json_has_each_checkpoint_once_with_what_it_came_upon(kit: Kit) -> None:
    found = kit.shown("log", "payment", "--graph")
    assert {one["n"]: one["parent"] for one in found["checkpoints"]} == {
        0: None, 1: 0, 2: 1, 3: 2, 4: 2, 5: 4, 6: 5, 7: 4, 8: 7,
    }  # fmt: skip
    assert [one["kind"] for one in found["moves"]] == ["rewritten", "rollback", "undo", "rollback"]
    assert found["now"] == 8


def test_a_commit_after_a_reset_comes_upon_what_git_says(kit: Kit) -> None:
    tree = kit.worktree("payment")
    kit.git("reset", "-q", "--hard", "HEAD~1", cwd=tree)
    kit.commit("elsewhere", cwd=tree)
    found = kit.shown("log", "payment", "--graph")
    assert {one["n"]: one["parent"] for one in found["checkpoints"]}[found["now"]] == 7


# --- diff ------------------------------------------------------------------------------------------


def test_between_two_checkpoints_state_context_commits_and_code_differ(kit: Kit) -> None:
    found = kit.shown("diff", "payment", "2", "4")
    assert found["state"]["current_workflow"] == ["1", "2"]
    assert [one["name"] for one in found["context"] if one["how"] == "added"] == ["feat-payment_plan.md"]
    (plan,) = (one for one in found["context"] if one["name"] == "feat-payment_plan.md")
    assert plan["lines"] == ["@@ -0,0 +1 @@", "+a plan"]
    assert [one["subject"] for one in found["commits"]["made"]["listed"]] == ["by hand, better"]
    assert found["commits"]["left"] == {"count": 0, "listed": []}


def test_over_a_rollback_commits_go_and_come(kit: Kit) -> None:
    found = kit.shown("diff", "payment", "6", "now", "--stat")
    subjects = [[one["subject"] for one in found["commits"][side]["listed"]] for side in ("left", "made")]
    assert subjects == [["feat(payment): 2 1 Draw"], ["feat(payment): 2 1 Draw"]]
    assert all("lines" not in one for one in found["context"])


def test_a_rollback_took_the_context_back_and_its_undo_brought_it_again(kit: Kit) -> None:
    executed, undone = (kit.events(kind)[0]["id"] for kind in ("rollback_executed", "rollback_undone"))
    there = kit.shown("diff", "payment", "2", f"#{executed}", "--stat")
    assert (there["context"], there["code"]) == ([], [])
    back = kit.shown("diff", "payment", "6", f"#{undone}", "--stat")
    assert [one["name"] for one in back["context"]] in ([], ["feat-payment_attempts.log"])
    assert back["commits"] == {"left": {"count": 0, "listed": []}, "made": {"count": 0, "listed": []}}


def test_now_is_the_files_and_the_branch_as_they_are(kit: Kit) -> None:
    assert kit.do("diff", "payment", "now").splitlines()[2:] == ["nothing differs"]
    tree = kit.worktree("payment")
    (tree / ".context/feat-payment_plan.md").write_text("a \x1b[31mbetter\x1b[0m plan\n")
    (tree / ".context/feat-payment_shot.png").write_bytes(b"\0" * 9)
    (tree / "new.txt").write_text("x\n")
    rows = kit.do("diff", "payment", "7").splitlines()
    assert "       +a better plan" in rows
    assert "  A  feat-payment_shot.png  9 bytes (binary)" in rows
    assert rows[-3:] == ["", "not committed", "  new.txt"]


def test_a_long_difference_is_cut_and_counted(kit: Kit) -> None:
    plan = kit.worktree("payment") / ".context/feat-payment_plan.md"
    plan.write_text("".join(f"{n}\n" for n in range(1000)))
    assert "       ... and 802 lines more" in kit.do("diff", "payment", "7").splitlines()
    plan.write_text("x\n" * 200_000)
    assert any("too large to compare" in row for row in kit.do("diff", "payment", "7").splitlines())


def test_it_writes_nothing(kit: Kit) -> None:
    kit.git(
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "not told",
        cwd=kit.worktree("payment"),
    )
    before = kit.digest()
    kit.do("diff", "payment", "#12", "now")
    kit.do("diff", "payment", "4", "2", "--json")
    assert kit.digest() == before


def test_an_unknown_moment_is_one_line(kit: Kit) -> None:
    unknown = [
        ("99", 1),
        ("#9999", 1),
        ("2000-01-01T00:00:00Z", 1),
        ("#1", 1),
        ("noon", 2),
        ("#²", 2),
        ("checkpoint/login/9", 1),
    ]
    for moment, expected in unknown:
        status, out, err = kit.inside("diff", "payment", moment)
        assert (status, out, err.count("\n")) == (expected, "", 1), moment
    assert kit.inside("diff", "nobody", "1")[0] == 1


def test_what_git_lost_is_said_in_a_line_and_the_rest_is_shown(kit: Kit) -> None:
    made = next(one for one in kit.events("checkpoint_created") if one["payload"]["n"] == 3)
    for name in ("snapshot", "commit"):
        sha = made["payload"][name]
        (kit.root / ".git/objects" / sha[:2] / sha[2:]).unlink()
    found = kit.shown("diff", "payment", "3", "7", "--stat")
    assert (found["context"], found["commits"], found["code"]) == (None, {"left": None, "made": None}, None)
    assert [line.partition(" (")[0] for line in found["lost"]] == [
        "git lost the commit of payment at 3", "git lost the context files of payment as they were at 3",
    ]  # fmt: skip
    assert found["state"]
    rows = kit.do("diff", "payment", "3", "7").splitlines()
    assert rows[-3] == "gone"
