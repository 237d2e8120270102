"""The page of `metrics --html`: whole, without script, without a network, whatever agents and documents said."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

from orchestrator import measuring
from orchestrator.charts import page, plots, series
from orchestrator.core import decide
from orchestrator.core.decide import Outcome
from orchestrator.core.events import Event, Gate
from orchestrator.core.spans import spans
from orchestrator.core.steps import next_step
from orchestrator.errors import Refusal
from tests.core.history import LINE, History
from tests.core.test_measure import Days

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in plots.EXTRA),
    reason="the extra charts is not installed: pip install -e '.[charts]'",
)
HOSTILE = "</title></svg><script>alert('\"1\"')</script>&amp; var(--x)"


def drawn(events: list[Event]) -> str:
    return page.page(measuring.table_of(events), events)


def pictures(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_a_page_of_a_busy_log_holds_all_plots_and_asks_nothing_of_a_network() -> None:
    history = Days(1)
    history.live(400)
    text = drawn(history.events)
    assert len(pictures(text)) == 5
    assert not re.search(r"<script|<link|<img|<iframe|\ssrc=|href=|url\(|@import", text)
    assert set(re.findall(r"https?://[^\s\"'<]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in text
    assert not re.search(
        r'(?:fill|stroke)="#', re.sub(r'stroke="#ddd"', "", "".join(re.findall(r"<svg.*?</svg>", text)))
    )


def test_what_a_document_says_is_text_and_nothing_else() -> None:
    history = History()
    history.start()
    history.begin()
    feature = history.of()
    asked = Gate(key="reported", type="human", trigger="x", heading=HOSTILE, reported=True)
    history.record(decide.asked(feature, next_step(LINE, feature.place), asked, Outcome(run="r")))
    history.approve(LINE)
    text = drawn(history.events)
    assert "<script" not in text
    said = [one.text for whole in pictures(text) for one in whole.iter("{http://www.w3.org/2000/svg}title")]
    assert any(HOSTILE in (one or "") for one in said)


def test_nothing_yet_is_said_where_a_plot_would_stand() -> None:
    text = drawn([])
    assert pictures(text) == []
    assert "No attempt was begun yet." in text
    history = History()
    history.start()
    history.work(LINE)
    assert len(pictures(drawn(history.events))) == 1


def test_a_page_is_written_over_and_another_file_is_not(tmp_path: Path) -> None:
    file = tmp_path / "metrics.html"
    table = measuring.table_of([])
    page.write(file, table, [])
    page.write(file, table, [])
    file.write_text("<p>mine</p>")
    with pytest.raises(Refusal, match="is no page of metrics"):
        page.write(file, table, [])
    assert file.read_text() == "<p>mine</p>"
    with pytest.raises(Refusal, match="cannot be written"):
        page.write(tmp_path / "gone/metrics.html", table, [])


def test_a_picture_holds_its_own_paper_and_colours_and_letters_of_the_size_asked_for() -> None:
    history = Days(2)
    history.live(60)
    rows = series.lanes(spans(history.events), history.events)
    whole = ElementTree.fromstring(plots.picture(plots.lanes(rows, 860, is_elapsed=True, size=14), 'Lanes & "gates"'))
    assert whole.get("aria-label") == 'Lanes & "gates"'
    texts = [one for one in whole.iter("{http://www.w3.org/2000/svg}text") if one.text and one.text.strip()]
    assert {one.get("font-size") for one in texts if one.text != "×"} == {"14px"}
    assert float(whole.get("width", "0")) <= 920
    style = whole.find("{http://www.w3.org/2000/svg}style")
    assert style is not None
    assert all(
        f"--{name}:{colour};" in (style.text or "") for of in (plots.LIGHT, plots.DARK) for name, colour in of.items()
    )


@pytest.mark.parametrize("palette", [plots.LIGHT, plots.DARK])
def test_what_is_drawn_stands_out_from_its_paper(palette: dict[str, str]) -> None:
    """WCAG 2.2: 4.5 to 1 for text, 3 to 1 for what must be told apart."""
    least = {"ink": 4.5, "quiet": 4.5, "grid": 1.0, "paper": 1.0}
    too_faint = {name for name, one in palette.items() if contrast(one, palette["paper"]) < least.get(name, 3.0)}
    assert too_faint == set()


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
