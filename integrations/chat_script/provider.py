"""Provider ``chat-script`` of stage ``script_gen``: written by a chat model, checked before it counts."""

from __future__ import annotations

from config.sections.base import Url
from config.settings import ScriptSettings
from integrations.chat_script.answer import Draft, not_as_asked, problems_of, read_draft, text_of
from integrations.chat_script.prompt import chat_request
from integrations.kit.http import HttpService, Trace
from integrations.kit.urls import openai_path
from scheduler.domain.codec import script_to_json
from scheduler.domain.content import Brief, BriefKind, Script, Segment, SegmentKind
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.domain.requests import RequestError
from scheduler.ports.provider import Call

NAME = "chat-script"


class ChatScript:
    """An OpenAI-compatible chat endpoint as a provider.

    Args:
        settings: address, key, model.

    Raises:
        ValueError: no address is set: the provider must not be built.
    """

    name = NAME
    service = "script"
    """The contract has no ``/health``: nothing can be probed."""

    def __init__(self, settings: ScriptSettings) -> None:
        if settings.url is None:
            raise ValueError("script.url is not set: leave provider chat-script out, or set it to https://api.a4f.co")
        self._url: Url = settings.url
        self._settings = settings

    async def run(self, call: Call) -> StageOutput:
        """The script as ``{"script": …}`` (``scheduler.domain.codec.script_to_json``).

        Raises:
            StageFailure: the endpoint failed, or what it wrote is not what was asked for, with what is wrong.
        """
        brief = call.needed_brief()
        try:
            body = chat_request(brief, call.job.payload, self._settings)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        call.progress(0.1, f"asking {self._settings.model}")
        async with HttpService("script", self._url, token=self._settings.key) as endpoint:
            document = await endpoint.json(
                "POST",
                openai_path(self._url, "/chat/completions"),
                trace=Trace.of(call),
                timeout_s=call.timeout_s,
                body=body,
            )
        draft = read_draft(text_of(document))
        problems = problems_of(draft, brief)
        if problems:
            raise not_as_asked(problems)
        script = script_of(draft, brief)
        call.progress(1.0, f"{script.points} points, {script.duration_s:.0f} s")
        return StageOutput(data={"script": script_to_json(script), "model": self._settings.model}, provider=NAME)


def script_of(draft: Draft, brief: Brief) -> Script:
    """The script of a checked draft. Titles and sources of news are the brief's own words. Pure."""
    news = brief.kind is BriefKind.NEWS
    segments = [
        Segment(
            index=0,
            kind=SegmentKind.INTRO,
            heading=brief.title,
            lines=tuple(draft.intro.on_screen),
            narration=draft.intro.narration,
            duration_s=draft.intro.duration_s,
        )
    ]
    for number, point in enumerate(draft.points, start=1):
        headline = brief.headlines[number - 1] if news else None
        segments.append(
            Segment(
                index=number,
                kind=SegmentKind.POINT,
                heading=point.heading if headline is None else headline.title,
                lines=tuple(point.on_screen),
                narration=point.narration,
                duration_s=point.duration_s,
                source=None if headline is None else headline.source,
                number=number,
            )
        )
    segments.append(
        Segment(
            index=len(segments),
            kind=SegmentKind.OUTRO,
            heading=draft.outro.heading,
            lines=tuple(draft.outro.on_screen),
            narration=draft.outro.narration,
            duration_s=draft.outro.duration_s,
        )
    )
    return Script(brief.title, brief.date, brief.language, tuple(segments))
