"""The real programs run by `make test-clients` alone: they take a minute or two and a gigabyte."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.clients.harness import installed

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a client that is not there."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        if not os.environ.get("ORCHESTRATOR_CLIENTS"):
            item.add_marker(pytest.mark.skip(reason="`make test-clients` runs the real programs"))
            continue
        client = getattr(item, "callspec", None) and item.callspec.params.get("client", "claude")  # type: ignore[attr-defined]
        if not installed(client or "claude"):
            item.add_marker(pytest.mark.skip(reason=f"{client or 'claude'} is not installed: `make test-clients`"))
