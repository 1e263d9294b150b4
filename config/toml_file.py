"""Reads a TOML file and knows on which line each of its keys stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from config.problems import Problem

Key = tuple[str, ...]
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A file that was read; ``lines`` has the 1-based line of each key and table."""

    path: Path
    values: Mapping[str, Any]
    lines: Mapping[Key, int]

    def where(self, key: Key) -> str:
        """``path:line`` of a key, or of the nearest table around it."""
        for length in range(len(key), 0, -1):
            if (line := self.lines.get(key[:length])) is not None:
                return f"{self.path}:{line}"
        return str(self.path)


def read_toml(path: Path) -> TomlFile | Problem:
    """Read a TOML file, or say why that is impossible."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Problem(str(path), "", f"cannot be read: {error.strerror or error}")
    if len(data) > MAX_BYTES:
        return Problem(str(path), "", f"is larger than {MAX_BYTES} bytes: this is no predawn configuration")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        byte = data[error.start]
        return Problem(
            f"{path}:{line}", "", f"byte 0x{byte:02x} at offset {error.start} is not UTF-8; save it as UTF-8"
        )
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        place = f"{path}:{found[1]}" if found else f"{path}:{text.count(chr(10)) + 1}"
        return Problem(place, "", f"is not TOML: {error}")
    return TomlFile(path, values, _locate(text))


def _locate(text: str) -> dict[Key, int]:
    """The line of each key of a text that is known to be good TOML.

    A statement is gathered line by line until the TOML parser takes it by itself, so that its grammar is never
    repeated here: multi-line strings, arrays, quoted and dotted keys are found as the parser finds them.
    """
    found: dict[Key, int] = {}
    table: Key = ()
    statement, start = "", 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not statement:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            start = number
        statement += line + "\n"
        try:
            parsed = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue
        is_header = statement.lstrip().startswith("[")
        statement = ""
        if is_header:
            table = _spine(parsed)
            found.setdefault(table, start)
        else:
            _note(parsed, table, start, found)
    return found


def _spine(parsed: Mapping[str, Any]) -> Key:
    """The path of a table header, from what the parser made of it."""
    key: Key = ()
    node: Any = parsed
    while node:
        if isinstance(node, list):
            node = cast("list[Any]", node)[-1]
            continue
        name, node = next(iter(cast("dict[str, Any]", node).items()))
        key = (*key, name)
    return key


def _note(parsed: Mapping[str, Any], prefix: Key, line: int, found: dict[Key, int]) -> None:
    for name, value in parsed.items():
        found.setdefault((*prefix, name), line)
        if isinstance(value, dict):
            _note(cast("dict[str, Any]", value), (*prefix, name), line, found)
