"""A small share of `make night`."""

from __future__ import annotations

from pathlib import Path

from tests.clients.night import Night


def test_after_a_short_night_nothing_is_lost_and_every_feature_is_done_or_stopped_for_a_reason(tmp_path: Path) -> None:
    night = Night(tmp_path, features=2, workflows=4, seed=3)

    night.play()

    assert night.findings() == []
    assert {state["status"] for state in night.states().values()} <= {"completed", "failed", "blocked"}
