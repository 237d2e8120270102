"""`metrics --baseline`: the user's own old figures, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator import baseline
from orchestrator.errors import BadConfiguration


def test_figures_are_read_in_their_units(tmp_path: Path) -> None:
    file = tmp_path / "before.toml"
    file.write_text('automation = 0.35\nthroughput = 2\nworkflow_duration = "1h30m"\ngate_time = 90\ncost = 0\n')
    assert baseline.read(file) == {
        "automation": 0.35,
        "throughput": 2.0,
        "workflow_duration": 5400.0,
        "gate_time": 90.0,
        "cost": 0.0,
    }


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("cost = 1\nautomatoin = 0.5\n", ":2: unknown key 'automatoin'", "the nearest known key is 'automation'"),
        ("[automation]\nold = 1\n", ":1: automation = {'old': 1} is no figure", "a share from 0 to 1"),
        ("automation = 35\n", ":1: automation = 35 is no figure", "a share from 0 to 1"),
        ("cost = true\n", ":1: cost = True is no figure", "US dollars"),
        ("cost = -1\n", ":1: cost = -1 is no figure", "US dollars"),
        ("cost = nan\n", ":1: cost = nan is no figure", "US dollars"),
        ('cost = "12"\n', ":1: cost = '12' is no figure", "US dollars"),
        ('\ngate_time = "soon"\n', ":2: gate_time = 'soon' is no figure", '"45m"'),
        ("cost =\n", ": line 1, column 7: Invalid value", "mend the TOML"),
        ("\udcff", ": not UTF-8 (byte 0)", "save it as UTF-8"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_line(tmp_path: Path, text: str, said: str, hint: str) -> None:
    file = tmp_path / "before.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadConfiguration) as raised:
        baseline.read(file)
    assert str(raised.value).startswith(f"{file}{said}")
    assert hint in raised.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="No such file"):
        baseline.read(tmp_path / "gone.toml")
