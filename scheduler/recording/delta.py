"""What changed between two JSON values, small enough to be written every second. Pure.

A patch is a list that begins with a number::

    [0, value]                              take this value
    [1, {key: patch | null}]                an object: patch these keys, null takes one out
    [2, drop, [items]]                      a window: drop so many at the front, add these at the end
    [3, {index: patch}]                     a list of the same length: patch these places
    [4, key, [gone], [[place, item]], {id: patch}]   a list of objects named by ``key``

Objects hold no None (``codec.encode`` leaves it out), so null is free to mean "take it out".
"""

from __future__ import annotations

from typing import Any, TypeAlias, cast

Json: TypeAlias = Any
Patch: TypeAlias = list[Any]

SET, OBJECT, WINDOW, PLACES, NAMED = 0, 1, 2, 3, 4
NAMES = ("id", "service", "stage", "name")
"""Keys that name an object in a list."""


class PatchError(ValueError):
    """A patch does not fit the value that it is to change."""


def diff(old: Json, new: Json) -> Patch | None:
    """The patch that makes ``new`` of ``old``; None: they are the same."""
    if type(old) is type(new) and old == new:
        return None
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast("dict[str, Json]", old), cast("dict[str, Json]", new)
        changes: dict[str, Patch | None] = dict.fromkeys(before.keys() - after.keys())
        for key, value in after.items():
            if key not in before:
                changes[key] = [SET, value]
            elif (patch := diff(before[key], value)) is not None:
                changes[key] = patch
        return [OBJECT, changes] if changes else None
    if isinstance(old, list) and isinstance(new, list):
        return _diff_lists(cast("list[Json]", old), cast("list[Json]", new))
    return [SET, new]


def _diff_lists(old: list[Json], new: list[Json]) -> Patch | None:
    if old == new and [type(item) for item in old] == [type(item) for item in new]:
        return None
    if (name := _name_of(old, new)) is not None:
        patch = _diff_named(old, new, name)
        if patch is not None:
            return patch
    if old and new:
        for drop in range(len(old)):
            kept = len(old) - drop
            if kept <= len(new) and old[drop:] == new[:kept]:
                return [WINDOW, drop, new[kept:]]
    if len(old) == len(new) and any(isinstance(item, dict) for item in new):
        places = {str(n): patch for n, (a, b) in enumerate(zip(old, new, strict=True)) if (patch := diff(a, b))}
        return [PLACES, places]
    return [SET, new]


def _name_of(old: list[Json], new: list[Json]) -> str | None:
    """The key that names every object of both lists, each name once."""
    if not old or not new or not all(isinstance(item, dict) for item in (*old, *new)):
        return None
    for name in NAMES:
        if all(isinstance(item.get(name), str) for item in (*old, *new)):
            unique = all(len({item[name] for item in listed}) == len(listed) for listed in (old, new))
            return name if unique else None
    return None


def _diff_named(old: list[Json], new: list[Json], name: str) -> Patch | None:
    """None: what stays has changed its order."""
    before = {item[name]: item for item in old}
    after = {item[name]: item for item in new}
    gone = [key for key in before if key not in after]
    if [key for key in before if key in after] != [key for key in after if key in before]:
        return None
    added = [[place, item] for place, item in enumerate(new) if item[name] not in before]
    changed = {key: patch for key, item in after.items() if key in before and (patch := diff(before[key], item))}
    return [NAMED, name, gone, added, changed]


def apply(value: Json, patch: Patch) -> Json:
    """``value`` changed by ``patch``; ``value`` itself stays as it is, what did not change is shared.

    Raises:
        PatchError: the patch does not fit.
    """
    try:
        return _apply(value, patch)
    except PatchError:
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PatchError(f"a recorded change does not fit what came before it: {error}") from error


def _apply(value: Json, patch: Patch) -> Json:
    match patch[0]:
        case 0:
            return patch[1]
        case 1:
            made = dict(value)
            for key, inner in patch[1].items():
                if inner is None:
                    del made[key]
                else:
                    made[key] = _apply(made.get(key), inner)
            return made
        case 2:
            return [*value[patch[1] :], *patch[2]]
        case 3:
            listed = list(value)
            for place, inner in patch[1].items():
                listed[int(place)] = _apply(listed[int(place)], inner)
            return listed
        case 4:
            _, name, gone, added, changed = patch
            out = frozenset(gone)
            kept = [
                _apply(item, changed[item[name]]) if item[name] in changed else item
                for item in value
                if item[name] not in out
            ]
            for place, item in added:
                kept.insert(place, item)
            return kept
        case other:
            raise PatchError(f"a recorded change of kind {other!r} is unknown: written by a newer predawn?")
