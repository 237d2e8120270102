"""`make demo-lanes`: runs the demo and draws what its log holds, as the picture in the README."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from demo import Demo  # the file beside this one

from orchestrator.charts import plots, series
from orchestrator.core.spans import spans
from orchestrator.workspace import Workspace

LABEL = "Three features side by side over half a minute: attempts, waits at gates, three failed attempts, rollbacks."


def main() -> None:
    plots.refuse_without_the_extra()
    top = Path(tempfile.mkdtemp(prefix="orchestrator-demo-"))
    try:
        demo = Demo(top)
        demo.play()
        events = list(Workspace.find(demo.root).events())
    finally:
        shutil.rmtree(top, ignore_errors=True)
    rows = series.lanes(spans(events), events)
    drawn = plots.lanes(rows, 860, is_elapsed=True, size=14, row=34)
    Path(sys.argv[1]).write_text(plots.picture(drawn, LABEL), encoding="utf-8")


if __name__ == "__main__":
    main()
