"""Takes the values of secret variables out of a text that is to be kept. Looks at nothing but an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8  # characters: a shorter value is a word that texts have anyway


def hidden(text: str, environment: Mapping[str, str]) -> str:
    """Return a text in which the value of each variable that its name calls a secret reads `[NAME]`.

    Paths stay: a variable may name the file that holds a key.
    """
    found = [(value, name) for name, value in environment.items() if _NAMES.search(name) and _is_secret(value)]
    for value, name in sorted(found, key=lambda one: -len(one[0])):  # a value may hold another
        text = text.replace(value, f"[{name}]")
    return text


def _is_secret(value: str) -> bool:
    return len(value) >= _SHORTEST and not value.startswith(("/", "~", "."))
