"""Records what the real clients print: `python -m tests.clients.record [CLIENT [CASE...]]`, into recorded/.

Paths and ports of this machine become placeholders, what is long and of no use here is cut.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.clients.cases import CASES, play
from tests.clients.harness import FOLDER, Place
from tests.clients.recorded import RECORDED, TABLE

KEPT = {
    "type",
    "subtype",
    "cwd",
    "session_id",
    "tools",
    "model",
    "permissionMode",
    "apiKeySource",
    "claude_code_version",
}


def main(clients: list[str], names: list[str]) -> None:
    """Run the cases and write a file for each, and the table of their commands and exit statuses."""
    table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    RECORDED.mkdir(exist_ok=True)
    for client in clients:
        for name in names or CASES[client]:
            with tempfile.TemporaryDirectory(prefix="clients-") as folder:
                place, words, ran = play(client, CASES[client][name], Path(folder))
            (RECORDED / f"{client}-{name}.jsonl").write_text(cleaned(ran.text, place))
            case = CASES[client][name]
            sent = {"sent": case.by.name} if case.until or case.play == "long" else {}
            row = {"command": shlex.join(words), **sent, "status": ran.code, "left": ran.left}
            table[f"{client}-{name}"] = {**row, "seconds": round(ran.seconds)}
            print(f"{client}-{name}: {ran.code}, {ran.seconds:.1f} s, {ran.left} left")  # noqa: T201
    TABLE.write_text(json.dumps(dict(sorted(table.items())), indent=1) + "\n")


def cleaned(text: str, place: Place) -> str:
    """Return an output without what names this machine or this moment, each line as it came otherwise."""
    for path, name in (
        (place.tree, "/TREE"),
        (place.root, "/MAIN"),
        (place.root.parent, "/PLACE"),
        (FOLDER, "/CLIENTS"),
    ):
        text = text.replace(str(path), name).replace(re.sub(r"[^A-Za-z0-9]", "-", str(path)), name.replace("/", "-"))
    text = re.sub(r"/\$bunfs/\w+/", "/BUN/", text)  # where a program packed by Bun sees its own files
    text = re.sub(r"127\.0\.0\.1:(?!9\b)\d+", "127.0.0.1:PORT", text)
    return "".join(f"{_line(line)}\n" for line in text.splitlines())


def _line(line: str) -> str:
    if not line.startswith('{"type":"system","subtype":"init"'):
        return line
    init: dict[str, Any] = {name: value for name, value in json.loads(line).items() if name in KEPT}
    return json.dumps(init, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1:2] or list(CASES), sys.argv[2:])
