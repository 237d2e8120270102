"""A repository with gates, and the page over it without a network between."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.web import door
from tests.kit import Kit, copied
from tests.web.gated import created

NAMES = ("payment", "landing", "search")


@pytest.fixture(scope="session")
def gated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three features at their first gate; and where they were made."""
    from tests.conftest import sealed

    base = tmp_path_factory.mktemp("gated")
    with sealed(base) as env:
        created(base / "place/shop", env, NAMES)
    copied(base / "place", base / "seed")
    return base / "seed", base / "place"


@pytest.fixture
def seeds(gated: tuple[Path, Path]) -> tuple[Path, Path]:
    return gated


class Browser:
    """A browser that has opened the page: it keeps the cookie and sends what a browser sends."""

    def __init__(self, kit: Kit, closed: str = "") -> None:
        testing = pytest.importorskip("starlette.testclient", reason="the page needs orchestrator[web] and httpx")
        from orchestrator.web.app import application

        self.kit = kit
        self.door = door.made(4711)
        self.client = testing.TestClient(application(self.door, closed), self.door.origin, follow_redirects=False)
        self.text = ""

    def open(self) -> str:
        """Load the page; its text is kept for the forms that follow."""
        self.text = self.get("").text
        return self.text

    def get(self, name: str, **headers: str) -> Any:
        return self.client.get(f"{self.door.path}{name}", headers=headers)

    def post(self, name: str, fields: dict[str, Any], **headers: str) -> Any:
        own = {"Origin": self.door.origin, **headers}
        return self.client.post(f"{self.door.path}{name}", data={"form": self.door.form, **fields}, headers=own)

    def mark(self, name: str) -> str:
        """Return the fingerprint that the loaded page has for a gate."""
        found = re.search(rf'name="only" value="([0-9a-f]{{64}})"[^>]*>Approve {name}', self.text)
        assert found, self.text
        return found[1]

    def hidden(self, name: str) -> list[str]:
        return re.findall(rf'<input type="hidden" name="{name}" value="([^"]*)">', self.text)

    def said(self, answer: Any) -> list[str]:
        """Follow the way on from a form, and return what the page says came of it."""
        assert answer.status_code == 303, answer.text
        text = self.client.get(answer.headers["location"]).text
        return [one.replace("&#39;", "'") for one in re.findall(r'<p class="(?:good|bad)">(.*?)</p>', text)]

    def approve(self, *names: str, **more: Any) -> list[str]:
        """Choose gates, as the loaded page has them, and send the form."""
        return self.said(self.post("approve", {"approve": [self.mark(one) for one in names], "chosen": "yes", **more}))

    def approve_all(self) -> list[str]:
        fields = {"all": "yes", "shown": self.hidden("shown"), "batch": self.hidden("batch")}
        return self.said(self.post("approve", fields))


@pytest.fixture
def browser(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.chdir(kit.root)
    found = Browser(kit)
    found.open()
    return found


def approvals(kit: Kit) -> list[tuple[str, str, str]]:
    """Return who was approved, through which door, with which answer."""
    slugs = {one["feature"]: one["payload"] for one in kit.events("feature_created")}
    rows = kit.events("approval_granted")
    return [
        (
            slugs[one["feature"]]["branch"].removeprefix("feat/"),
            one["payload"]["door"],
            one["payload"].get("answer", ""),
        )
        for one in rows
    ]
