"""A real program that is not there is said, and its tests are passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.harness import installed

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a client that is not there."""
    for item in items:
        if HERE not in item.path.parents:
            continue
        client = getattr(item, "callspec", None) and item.callspec.params.get("client", "claude")  # type: ignore[attr-defined]
        if not installed(client or "claude"):
            item.add_marker(pytest.mark.skip(reason=f"{client or 'claude'} is not installed: `make test-clients`"))
