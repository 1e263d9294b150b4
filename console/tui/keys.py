"""Which key does what: the table's keys, what the config gives to others, and how keys are written for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from textual.binding import Binding, BindingType

from console.tui.actions import ACTIONS, BY_ID, HEADINGS, Action, actions_of
from console.tui.registry import DIALOG_SCOPES, SCREENS

TAKEN: Mapping[str, str] = {
    "ctrl+b": "tmux takes it",
    "ctrl+a": "screen takes it",
    "ctrl+j": "terminals cannot tell it from enter",
    "ctrl+m": "terminals cannot tell it from enter",
    "ctrl+i": "terminals cannot tell it from tab",
    "ctrl+h": "terminals cannot tell it from backspace",
    "ctrl+left_square_bracket": "terminals cannot tell it from escape",
    "ctrl+enter": "terminals cannot tell it from enter",
    "ctrl+c": "it ends a program that hangs",
    "ctrl+z": "the shell takes it",
    "ctrl+s": "terminals stop their output at it",
    "ctrl+q": "terminals go on with their output at it",
}
"""Keys that no action may have, and why."""

_LABELS = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "colon": ":",
    "slash": "/",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "at": "@",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "asterisk": "*",
    "full_stop": ".",
    "comma": ",",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}
_NAMES = {label: name for name, label in _LABELS.items()}


@dataclass(frozen=True, slots=True)
class Keymap:
    """The keys as they are now.

    Attributes:
        changed: keys by action id, where the config has others than the table.
        problems: what of the config could not be done, one line each; the table's keys stay there.
    """

    changed: Mapping[str, str] = field(default_factory=dict[str, str])
    problems: tuple[str, ...] = ()

    def key(self, action: Action) -> str:
        """The keys of an action, comma-separated."""
        return self.changed.get(action.id, action.key)


def normal_key(text: str) -> str:
    """A key as people write it (``?``, ``ctrl-p``, ``PgDn``) as Textual names it."""
    if text in _NAMES:
        return _NAMES[text]
    if len(text) == 1:
        return text
    name = text.replace("-", "+") if text[:-1].count("-") else text
    return {"esc": "escape", "pgdn": "pagedown", "pgup": "pageup", "return": "enter"}.get(name.lower(), name.lower())


def resolve(wanted: Mapping[str, str]) -> Keymap:
    """Hold the config's keys against the table.

    An unknown id, a key that may not be had, or one that another action of the same screen has already, is named in
    ``problems`` and not taken; everything else holds.

    Args:
        wanted: keys by action id, several separated by blanks or commas.
    """
    changed: dict[str, str] = {}
    problems: list[str] = []
    for name, text in wanted.items():
        keys = [normal_key(part) for part in text.replace(",", " ").split()] or ([","] if "," in text else [])
        if name not in BY_ID:
            problems.append(f"console.keys: there is no action {name!r}; docs/console.md lists them")
        elif not keys:
            problems.append(f"console.keys.{name}: no key is given")
        elif bad := next((key for key in keys if key in TAKEN), None):
            problems.append(f"console.keys.{name}: {label(bad)} cannot be had, {TAKEN[bad]}")
        else:
            changed[name] = ",".join(keys)
    while clash := next(iter(conflicts(changed)), None):
        key, first, second = clash
        loser = second if second.id in changed else first
        winner = first if loser is second else second
        problems.append(f"console.keys.{loser.id}: {label(key)} is the key of {winner.id} already")
        del changed[loser.id]
    return Keymap(changed, tuple(problems))


def conflicts(changed: Mapping[str, str] | None = None) -> Iterable[tuple[str, Action, Action]]:
    """Keys that two actions of one screen have: the key and both."""
    keymap = Keymap(changed or {})
    for scopes in (*(screen.scopes for screen in SCREENS), *DIALOG_SCOPES):
        for first, second in combinations(actions_of("everywhere", *scopes), 2):
            both = set(keymap.key(first).split(",")) & set(keymap.key(second).split(","))
            if both:
                yield min(both), first, second


def bindings_of(*scopes: str) -> list[BindingType]:
    """The actions of these scopes as Textual bindings; Textual's own footer is not used."""
    return [
        Binding(action.key, action.action, action.description, show=False, id=action.id, priority=action.at_once)
        for action in actions_of(*scopes)
    ]


def label(key: str) -> str:
    """One key as people write it: ``?``, ``ctrl-p``, ``PgDn``."""
    return _LABELS.get(key, key.replace("+", "-"))


def key_label(keys: str) -> str:
    """The first of ``keys``."""
    return label(keys.split(",", maxsplit=1)[0])


def all_labels(keys: str) -> str:
    """All of ``keys``: ``: ctrl-p``."""
    return " ".join(label(key) for key in keys.split(",") if not key.startswith("shift+"))


def keys_table() -> str:
    """The table of docs/console.md, in Markdown."""
    rows = ["| where | key | does | who | id |", "|---|---|---|---|---|"]
    for scope, heading in HEADINGS.items():
        for action in actions_of(scope):
            labels = " ".join(f"`{one}`" for one in all_labels(action.key).split())
            rows.append(f"| {heading} | {labels} | {action.description} | {action.role.value} | `{action.id}` |")
    return "\n".join(rows)


def footer_actions(scopes: Iterable[str], first: Iterable[str] = ()) -> tuple[Action, ...]:
    """What the footer of a screen shows: ``first`` by id, then what its scopes have, then what is everywhere."""
    chosen = [BY_ID[name] for name in first]
    chosen += [action for action in ACTIONS if action.footer and action.scope in {*scopes} and action not in chosen]
    chosen += [action for action in actions_of("everywhere") if action.footer and action not in chosen]
    return tuple(chosen)
