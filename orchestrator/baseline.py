"""Reads the user's own old figures for `metrics --baseline`: TOML, a key a figure; never anything that it guesses."""

from __future__ import annotations

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from orchestrator import config
from orchestrator.core.figures import DEFINITIONS, Unit
from orchestrator.errors import BadConfiguration

_UNITS: dict[str, Unit] = {one.key: one.unit for one in DEFINITIONS}
_HINTS: dict[Unit, str] = {
    "share": "write a share from 0 to 1, for example 0.35",
    "seconds": 'write it like "90s", "45m", "3h" or "2d"',
    "a week": "write a number, for example 1.5",
    "count": "write a number, for example 2.5",
    "USD": "write a number of US dollars, for example 12.5",
}


def read(path: Path) -> dict[str, float]:
    """Return the figures that a file names, by key: shares of 1, seconds, US dollars, counts.

    Raises BadConfiguration with file, line and, for an unknown key, the nearest one.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        table = tomllib.loads(text)
    except OSError as error:
        raise BadConfiguration(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: not UTF-8 (byte {error.start})", "save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(f"{path}: {config.toml_words(str(error))}", "mend the TOML at that place") from error
    return {key: _value(f"{path}:{config.line_of(text, key)}", key, value) for key, value in table.items()}


def _value(place: str, key: str, value: Any) -> float:
    if key not in _UNITS:
        nearest = get_close_matches(key, _UNITS, n=1, cutoff=0.0)[0]
        raise BadConfiguration(f"{place}: unknown key {key!r}", f"the nearest known key is {nearest!r}")
    unit = _UNITS[key]
    number = _number(value, unit)
    if number is None or not 0 <= number < math.inf or (unit == "share" and number > 1):
        raise BadConfiguration(f"{place}: {key} = {value!r} is no figure", _HINTS[unit])
    return number


def _number(value: Any, unit: Unit) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and unit == "seconds":
        try:
            return config.seconds(value, "")
        except BadConfiguration:
            return None
    return None
