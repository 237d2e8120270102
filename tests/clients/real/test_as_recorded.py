"""The real programs against the stand-in: each case says what was recorded, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.agent import RUN_ID, end_leftovers
from tests.clients.cases import CASES, play
from tests.clients.record import cleaned
from tests.clients.recorded import said, shape, table


@pytest.mark.parametrize(("client", "name"), [(client, name) for client in CASES for name in CASES[client]])
def test_a_client_says_what_was_recorded_and_nothing_of_it_is_left(client: str, name: str, tmp_path: Path) -> None:
    case = CASES[client][name]

    place, _, ran = play(client, case, tmp_path)

    assert ran.code == table()[f"{client}-{name}"]["status"]
    assert end_leftovers(place.env[RUN_ID]) == 0
    if case.until or case.play == "long":
        return  # how much of it was printed before the signal came is chance
    assert shape(cleaned(ran.text, place)) == shape(said(client, name))
