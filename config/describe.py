"""The settings in words: TOML with documentation, JSON schema, Markdown.

``config/predawn.example.toml`` and the tables of ``docs/configuration.md`` are what this module prints
(``python -m config.describe toml|schema|markdown``); tests compare them.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, SecretStr

from config.loader import DEFAULT, default_home
from config.problems import mask_passwords
from config.settings import Settings
from config.tree import Key, Leaf, NamedTables, Node, Table, settings_tree

MASK = "********"
WIDTH = 110
HEADER = """\
Every setting of predawn with its default. Keep only the lines you change: what is left out keeps its default.
Each can also be set in the environment, PREDAWN_<SECTION>__<KEY> (PREDAWN_QUEUE__LEASE_S=30).
Durations are seconds. "none" means: not set. Relative paths start at the folder of this file.
"""
Note = Callable[[Key], str]
Documented = set[type[BaseModel]] | None
"""Sections whose keys are explained already (those of one model are explained once); None: explain nothing."""


def default_toml() -> str:
    """All settings with their defaults and documentation, as the text of ``config/predawn.example.toml``."""
    settings = Settings(home=default_home())
    return _document(settings, lambda _: "", documented=set())


def render_toml(settings: Settings, sources: Mapping[str, str]) -> str:
    """Settings in use as TOML, each with where it came from behind it. Secrets and passwords are masked."""
    return _document(settings, lambda key: sources.get(".".join(key), DEFAULT), documented=None)


def json_schema() -> dict[str, Any]:
    """A JSON schema of the TOML file, for editors and checkers."""
    schema = Settings.model_json_schema()
    for definition in [schema, *cast("dict[str, dict[str, Any]]", schema["$defs"]).values()]:
        # A file may name any part of the settings: the loader fills in the rest.
        definition.pop("required", None)
        for field in cast("dict[str, dict[str, Any]]", definition["properties"]).values():
            _without_null(field)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _without_null(field: dict[str, Any]) -> None:
    """TOML has no null: the loader takes the word ``none`` instead."""
    options = cast("list[dict[str, Any]]", field.get("anyOf", []))
    for number, option in enumerate(options):
        if option.get("type") == "null":
            options[number] = {"const": "none"}
    if "default" in field:
        field["default"] = _words_for_none(field["default"])


def _words_for_none(value: Any) -> Any:
    match value:
        case None:
            return "none"
        case dict():
            return {key: _words_for_none(item) for key, item in cast("dict[str, Any]", value).items()}
        case _:
            return value


def markdown() -> str:
    """A Markdown table for each section; sections that take the same keys as an earlier one list what differs."""
    parts: list[str] = []
    first: dict[type[BaseModel], tuple[Key, list[str]]] = {}
    for key, table, doc in _tables(settings_tree(documented=True), ()):
        leaves = [(name, node) for name, node in table.fields.items() if isinstance(node, Leaf)]
        if not leaves:
            continue
        defaults = [_default_cell(key, name, leaf) for name, leaf in leaves]
        rows = [
            f"| `{name}` | {default} | {leaf.accepts} | {_markdown_doc(leaf.doc)} |"
            for (name, leaf), default in zip(leaves, defaults, strict=True)
        ]
        text = _markdown_doc(doc or table.doc)
        earlier, known = first.setdefault(table.model, (key, defaults))
        if earlier != key:
            rows = [row for row, default, before in zip(rows, defaults, known, strict=True) if default != before]
            text += f" Takes the keys of `[{'.'.join(earlier)}]`; defaults that differ:"
        parts += [f"### `[{'.'.join(key)}]`" if key else "### Top level", "", text, ""]
        parts += ["| key | default | takes | meaning |", "|---|---|---|---|", *rows, ""]
    return "\n".join(parts).rstrip() + "\n"


def _document(settings: Settings, note: Note, *, documented: Documented) -> str:
    lines: list[str] = [] if documented is None else [*_comment(HEADER), ""]
    lines += _render(settings, settings_tree(documented=True), (), note, documented=documented)
    return "\n".join(lines).strip("\n") + "\n"


def _render(value: BaseModel, table: Table, key: Key, note: Note, *, documented: Documented) -> Iterator[str]:
    yield from _render_leaves(value, table, key, note, documented=documented)
    for name, node in table.fields.items():
        child = getattr(value, name)
        if isinstance(node, Table):
            yield from _heading(node, (*key, name), node.doc, documented=documented)
            yield from _render(child, node, (*key, name), note, documented=documented)
        elif isinstance(node, NamedTables):
            doc = f"{node.doc} {node.entry.doc}"
            for entry_name, entry in cast("dict[str, BaseModel]", child).items():
                here = (*key, name, entry_name)
                yield from _heading(node.entry, here, doc, documented=documented)
                yield from _render(entry, node.entry, here, note, documented=documented)
                doc = ""


def _heading(table: Table, key: Key, doc: str, *, documented: Documented) -> Iterator[str]:
    if any(isinstance(node, Leaf) for node in table.fields.values()):
        yield ""
        if doc and documented is not None:
            yield from _comment(doc)
        yield f"[{'.'.join(map(_bare, key))}]"


def _render_leaves(value: BaseModel, table: Table, key: Key, note: Note, *, documented: Documented) -> Iterator[str]:
    explain = documented is not None and table.model not in documented
    if documented is not None:
        documented.add(table.model)
    for name, leaf in table.fields.items():
        if not isinstance(leaf, Leaf):
            continue
        if explain:
            yield from _comment(f"{leaf.doc} ({leaf.accepts})")
        if key == () and documented is not None:
            # The default of home is this machine's: a file that is handed on must not carry it.
            yield f'#{name} = "/var/lib/predawn"'
        else:
            where = note((*key, name))
            item = f"{_bare(name)} = {_value(getattr(value, name))}"
            yield f"{item}  # {_one_line(where)}" if where else item


def _value(value: Any) -> str:  # noqa: PLR0911 - one case a line reads better than a chain of assignments
    """A value as TOML; None as the word that the loader takes for it."""
    match value:
        case None:
            return '"none"'
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case SecretStr():
            return _string(MASK)
        case time():
            return _string(value.strftime("%H:%M:%S" if value.second else "%H:%M"))
        case str() | Path():
            return _string(mask_passwords(str(value)))
        case BaseModel():
            return _value({name: getattr(value, name) for name in type(value).model_fields})
        case dict():
            pairs = ", ".join(f"{_bare(str(k))} = {_value(v)}" for k, v in cast("dict[str, Any]", value).items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(map(_value, cast('list[Any]', value)))}]"
        case _:
            return _string(str(value))


def _string(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _bare(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _string(name)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)


def _comment(text: str) -> list[str]:
    """Documentation as comment lines, without the marks of its markup."""
    lines: list[str] = []
    for line in text.replace("``", "").strip().split("\n"):
        lines += textwrap.wrap(line.strip(), WIDTH, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"# {line}".rstrip() for line in lines]


def _tables(node: Node, key: Key, doc: str = "") -> Iterator[tuple[Key, Table, str]]:
    match node:
        case Table(fields=fields):
            yield key, node, doc
            for name, child in fields.items():
                yield from _tables(child, (*key, name))
        case NamedTables(entry=entry, doc=doc):
            yield from _tables(entry, (*key, "NAME"), doc)
        case Leaf():
            pass


def _default_cell(key: Key, name: str, leaf: Leaf) -> str:
    if key == () and name == "home":
        return "the platform's"
    section = _default_section(key)
    if section is None:
        return "*required*" if leaf.required else f"`{_value(leaf.default)}`"
    return f"`{_value(getattr(section, name))}`"


def _default_section(key: Key) -> BaseModel | None:
    """The default instance of a section; None for an entry under a name of the operator's choice."""
    value: BaseModel | dict[str, BaseModel] = Settings(home=default_home())
    for part in key:
        if isinstance(value, dict):
            return None
        value = cast("BaseModel | dict[str, BaseModel]", getattr(value, part))
    return None if isinstance(value, dict) else value


def _markdown_doc(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "&#124;")


def main(arguments: list[str]) -> int:
    """Print one of the descriptions; see the module's docstring."""
    printers: dict[str, Callable[[], str]] = {
        "toml": default_toml,
        "markdown": markdown,
        "schema": lambda: json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n",
    }
    if len(arguments) != 1 or arguments[0] not in printers:
        sys.stderr.write(f"usage: python -m config.describe {'|'.join(printers)}\n")
        return 2
    sys.stdout.write(printers[arguments[0]]())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
