"""`metrics`: the table, periods, the user's own figures, and what it says without a sample or without the extra."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from orchestrator.core.figures import DEFINITIONS
from tests.kit import Kit, copied, created

pytestmark = pytest.mark.usefixtures("env")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("metrics")
    kit = created(base / "place/shop", env, hooks=False)
    kit.do("start", "payment")
    kit.write(".git/fail", "")
    kit.do("run", "-j", "1")
    kit.do("start", "login")
    kit.do("run", "-j", "1")
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


def rows(shown: str) -> dict[str, list[str]]:
    """Return the cells of each figure's row, by its title."""
    titles = {one.title for one in DEFINITIONS}
    shown = shown.replace("automation, goal 70%", "automation  ")
    cells = ([cell.strip() for cell in line.split("  ") if cell.strip()] for line in shown.splitlines())
    return {found[0]: found[1:] for found in cells if found and found[0] in titles}


def login_began(kit: Kit) -> int:
    return next(one["id"] for one in kit.events("feature_created") if one["feature"] == "feat-login") - 1


def test_every_figure_stands_in_the_table_with_its_sample(kit: Kit) -> None:
    shown = rows(kit.do("metrics"))
    assert list(shown) == [one.title for one in DEFINITIONS]
    assert shown["automation"] == ["100%", "7 steps"]
    assert shown["attempts a workflow"] == ["1.75", "4 workflows"]
    assert shown["throughput"] == ["< 1 day", "2 features"]
    assert shown["time at a gate"] == ["no sample", "0 decisions"]


def test_explained_it_says_how_each_is_computed_and_from_what(kit: Kit) -> None:
    said = " ".join(kit.do("metrics", "--explain").split())
    for one in DEFINITIONS:
        assert f"{one.title}: {one.says} Sample: {one.sample}. From: {', '.join(one.events)}." in said


def test_since_an_event_only_what_ended_after_it_counts_and_against_what_was_before(kit: Kit) -> None:
    cut = login_began(kit)
    found = kit.shown("metrics", "--since", f"#{cut}", "--against", "#0")
    assert (found["steps"], found["attempts_failed"]) == (3, 0)
    assert (found["period"]["after"], found["period"]["until"]) == (cut, None)
    assert (found["against"]["period"]["after"], found["against"]["period"]["until"]) == (0, cut)
    steps = [one["sample"] for one in found["against"]["figures"] if one["key"] == "automation"]
    assert steps == [4]
    [attempts] = [one for one in found["against"]["figures"] if one["key"] == "attempts_a_workflow"]
    assert (attempts["value"], attempts["difference"]) == (2.0, -0.5)


def test_a_duration_against_nothing_else_is_the_length_of_both(kit: Kit) -> None:
    shown = kit.do("metrics", "--against", "7d")
    assert "before the log's first event" in shown
    assert rows(shown)["automation"] == ["100%", "7 steps", "no sample", "0 steps", "-"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--against", "#1"), "--against a moment needs --since"),
        (("--since", "#3", "--against", "#5"), "--against #5 is not before --since #3"),
        (("--since", "monday"), "'monday' is no moment; a time like"),
        (
            ("--since", "2026-01-01T00:00"),
            "has no offset; write it like 2026-01-31T09:00:00+01:00; or a duration like 7d",
        ),
    ],
)
def test_what_is_no_period_is_one_line(kit: Kit, words: tuple[str, ...], said: str) -> None:
    status, out, err = kit.inside("metrics", *words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_ones_own_old_figures_stand_beside_with_the_difference(kit: Kit) -> None:
    kit.write("before.toml", "automation = 0.4\nattempts_a_workflow = 2\n")
    shown = rows(kit.do("metrics", "--baseline", "before.toml"))
    assert shown["automation"][2:] == ["40%", "+60 pts"]
    assert shown["attempts a workflow"][2:] == ["2", "-0.25"]
    assert shown["cost"][2:] == ["-", "-"]
    assert kit.shown("metrics", "--baseline", "before.toml")["baseline"]["automation"] == {
        "value": 0.4,
        "difference": 0.6,
    }


def test_without_a_log_nothing_was_measured(kit: Kit) -> None:
    kit.git("clone", "-q", ".", "../clone")
    status, out, err = kit.inside("metrics", where=kit.root.parent / "clone")
    assert (status, err) == (0, "")
    assert "nothing was measured" in out
    assert {cells[0] for cells in rows(out).values()} == {"no sample"}


def test_without_the_extra_plots_are_refused_with_its_name_and_nothing_is_written(kit: Kit) -> None:
    code = (
        "import sys; sys.modules['altair'] = None; from orchestrator.cli import main; "
        "sys.argv = ['orchestrator', 'metrics', '--html', 'plots.html']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=kit.root, env=kit.env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "orchestrator[charts]" in done.stderr
    assert "altair" in done.stderr
    assert not (kit.root / "plots.html").exists()


@pytest.mark.skipif(find_spec("altair") is None, reason="the extra charts is not installed: pip install -e '.[charts]'")
def test_the_page_is_written_and_named(kit: Kit) -> None:
    assert kit.do("metrics", "--since", "7d", "--html", "plots.html") == "written: plots.html\n"
    assert "<svg" in (kit.root / "plots.html").read_text()
