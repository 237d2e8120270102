"""A few short random sequences in a real repository, always the same ones; `make machine` runs longer and other ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import sealed
from tests.machine.machine import of
from tests.machine.shop import seeded

EXAMPLES, STEPS = 3, 12


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """The repository that every example begins with, and the environment of a person at a plain machine."""
    folder = tmp_path_factory.mktemp("machine")
    with sealed(folder) as env:
        seeded(folder / "seed/shop", env)
        yield folder / "seed/shop", env


@pytest.mark.parametrize("number", [20])
def test_whatever_is_done_nothing_is_lost_and_the_log_is_the_truth(
    made: tuple[Path, dict[str, str]], number: int
) -> None:
    machine = of(*made)
    short = settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    sys.stdout.write(f"--hypothesis-seed={number}: make machine SEED={number} EXAMPLES={EXAMPLES} STEPS={STEPS}\n")
    run_state_machine_as_test(seed(number)(machine), settings=short)
    assert machine.figures["looks"] > EXAMPLES


def test_a_rollback_its_undo_a_kill_and_faults_one_after_another(made: tuple[Path, dict[str, str]]) -> None:
    kind = of(*made)
    machine = kind()
    try:
        machine.first(names=("pay", "pay-2"), steps=2)
        machine.write(slug="pay", how="untracked")
        machine.write(slug="pay", how="staged")
        machine.write(slug="pay", how="context")
        machine.rollback(slug="pay", to=0, settles=True)
        machine.undo(slug="pay")
        machine.copy_breaks(how="tear the log", pick=7)
        machine.kill(slug="pay", at=9, mood="commit", words=("next",))
        machine.edit_state(slug="pay-2", own=True, edit={"gate": None})
        machine.status()
        machine.replay(pick=3)
    finally:
        machine.teardown()
    assert machine.figures["rolled back"] == machine.figures["undone"] == machine.figures["prefixes"] == 1
    assert machine.figures["killed: next"] == 1
