"""A real process that appends: `appender.py LOG NAME COUNT`; it writes `id hash` for each acknowledged event."""

import sys
from datetime import datetime
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.log.journal import Journal
from orchestrator.log.records import START, Draft


def main(path: str, name: str, count: str) -> None:
    journal = Journal(Path(path), lambda: datetime.now().astimezone(), f"appender {name}")
    head = START
    for number in range(int(count)):
        drafts = [Draft(f"feat-{name}", "note_added", None, None, "kit", b'{"number":%d}' % number)]
        with journal.transaction(head) as transaction:
            [record] = transaction.append(drafts)
            head = transaction.head
        sys.stdout.write(f"{record.id} {record.hash}\n")
        sys.stdout.flush()


try:
    main(*sys.argv[1:])
except OrchestratorError as error:
    sys.exit(f"{type(error).__name__}: {error}")
