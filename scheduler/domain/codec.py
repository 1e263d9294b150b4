"""Values to JSON objects and back, for checkpoints and payloads. Reading checks shapes and names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, cast

from scheduler.domain.content import Brief, BriefKind, Headline, Script, Segment, SegmentKind
from scheduler.domain.render import Artifact, StageOutput


class CodecError(ValueError):
    """A JSON value does not have the shape it should; the message names the field."""


def _get(source: Mapping[str, Any], key: str, kind: type[Any] | tuple[type[Any], ...], where: str) -> Any:
    value = source.get(key)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        wanted = kind.__name__ if isinstance(kind, type) else " or ".join(k.__name__ for k in kind)
        raise CodecError(f"{where}.{key} must be {wanted}, not {type(value).__name__}")
    return value


def _strings(source: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = cast("list[Any]", _get(source, key, list, where))
    if not all(isinstance(value, str) for value in values):
        raise CodecError(f"{where}.{key} must hold strings only")
    return tuple(values)


def _objects(source: Mapping[str, Any], key: str, where: str) -> Sequence[Mapping[str, Any]]:
    values = cast("list[Any]", _get(source, key, list, where))
    if not all(isinstance(value, dict) for value in values):
        raise CodecError(f"{where}.{key} must hold objects only")
    return cast("list[dict[str, Any]]", values)


def _date(source: Mapping[str, Any], key: str, where: str) -> date:
    text = _get(source, key, str, where)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CodecError(f"{where}.{key} must be a date like 2026-11-20, not {text!r}") from error


def brief_to_json(brief: Brief) -> dict[str, Any]:
    """A brief as a JSON object (also the form of ``payload.brief``); ``kind`` only where it is not news."""
    kind = {} if brief.kind is BriefKind.NEWS else {"kind": brief.kind.value, "asked": brief.asked}
    return {
        **kind,
        "date": brief.date.isoformat(),
        "title": brief.title,
        "language": brief.language,
        "edition": brief.edition,
        "headlines": [
            {"title": h.title, "sentences": list(h.sentences), "source": h.source, "source_url": h.source_url}
            for h in brief.headlines
        ],
    }


def brief_from_json(source: Mapping[str, Any]) -> Brief:
    """A brief from its JSON object.

    Raises:
        CodecError: a field is missing or of the wrong kind.
    """
    headlines = tuple(
        Headline(
            title=_get(item, "title", str, f"headlines[{n}]"),
            sentences=_strings(item, "sentences", f"headlines[{n}]"),
            source=_get(item, "source", str, f"headlines[{n}]"),
            source_url=item.get("source_url"),
        )
        for n, item in enumerate(_objects(source, "headlines", "brief"))
    )
    kind = source.get("kind", BriefKind.NEWS.value)
    if kind not in set(BriefKind):
        raise CodecError(f"brief.kind must be one of {', '.join(BriefKind)}, not {kind!r}")
    return Brief(
        kind=BriefKind(kind),
        asked=source.get("asked"),
        date=_date(source, "date", "brief"),
        title=_get(source, "title", str, "brief"),
        headlines=headlines,
        language=source.get("language") or "en",
        edition=source.get("edition"),
    )


def segment_to_json(segment: Segment) -> dict[str, Any]:
    """A segment as a JSON object (also what the Manim API gets as ``content``)."""
    return {
        "index": segment.index,
        "kind": segment.kind.value,
        "heading": segment.heading,
        "lines": list(segment.lines),
        "narration": segment.narration,
        "duration_s": segment.duration_s,
        "source": segment.source,
        "number": segment.number,
    }


def segment_from_json(source: Mapping[str, Any]) -> Segment:
    """A segment from its JSON object.

    Raises:
        CodecError: a field is missing or of the wrong kind.
    """
    kind = _get(source, "kind", str, "segment")
    if kind not in set(SegmentKind):
        raise CodecError(f"segment.kind must be one of {', '.join(SegmentKind)}, not {kind!r}")
    return Segment(
        index=_get(source, "index", int, "segment"),
        kind=SegmentKind(kind),
        heading=_get(source, "heading", str, "segment"),
        lines=_strings(source, "lines", "segment"),
        narration=_get(source, "narration", str, "segment"),
        duration_s=float(_get(source, "duration_s", (int, float), "segment")),
        source=source.get("source"),
        number=source.get("number"),
    )


def script_to_json(script: Script) -> dict[str, Any]:
    """A script as a JSON object."""
    return {
        "title": script.title,
        "date": script.date.isoformat(),
        "language": script.language,
        "segments": [segment_to_json(segment) for segment in script.segments],
    }


def script_from_json(source: Mapping[str, Any]) -> Script:
    """A script from its JSON object.

    Raises:
        CodecError: a field is missing or of the wrong kind.
    """
    return Script(
        title=_get(source, "title", str, "script"),
        date=_date(source, "date", "script"),
        language=_get(source, "language", str, "script"),
        segments=tuple(segment_from_json(item) for item in _objects(source, "segments", "script")),
    )


def output_to_json(output: StageOutput) -> dict[str, Any]:
    """A stage's output as kept in ``checkpoints.output``."""
    return {
        "data": dict(output.data),
        "provider": output.provider,
        "degraded": output.degraded,
        "artifacts": {
            role: {"path": a.path, "sha256": a.sha256, "size": a.size, "media_type": a.media_type, "url": a.url}
            for role, a in output.artifacts.items()
        },
    }


def output_from_json(source: Mapping[str, Any]) -> StageOutput:
    """A stage's output from its JSON object.

    Raises:
        CodecError: a field is missing or of the wrong kind.
    """
    artifacts = cast("dict[str, dict[str, Any]]", _get(source, "artifacts", dict, "output"))
    return StageOutput(
        data=_get(source, "data", dict, "output"),
        provider=_get(source, "provider", str, "output"),
        degraded=_get(source, "degraded", bool, "output"),
        artifacts={
            role: Artifact(
                path=_get(a, "path", str, f"artifacts.{role}"),
                sha256=_get(a, "sha256", str, f"artifacts.{role}"),
                size=_get(a, "size", int, f"artifacts.{role}"),
                media_type=_get(a, "media_type", str, f"artifacts.{role}"),
                url=a.get("url"),
            )
            for role, a in artifacts.items()
        },
    )
