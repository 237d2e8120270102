"""The table of seeded faults fits the code as it is; `make mutants` shows that each is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

import orchestrator
from tests.mutants.table import MUTANTS, Mutant

CODE = Path(orchestrator.__file__).parent
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_the_text_of_a_mutant_is_there_just_once_and_so_is_the_test_that_must_catch_it(mutant: Mutant) -> None:
    code = (CODE / mutant.file).read_text()
    assert code.count(mutant.text) == 1
    compile(code.replace(mutant.text, mutant.put), mutant.file, "exec")
    file, _, name = mutant.test.partition("::")
    assert f"def {name or 'test_'}" in (TESTS / file).read_text()


def test_no_two_mutants_have_one_name() -> None:
    names = [one.name for one in MUTANTS]
    assert len(set(names)) == len(names) >= 15
