"""Provider ``template-script`` of stage ``script_gen``: the one that always works."""

from __future__ import annotations

from collections.abc import Mapping

from integrations.template_script.script import build_script
from scheduler.domain.codec import script_to_json
from scheduler.domain.content import name_in
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.ports.provider import Call

NAME = "template-script"


class TemplateScript:
    """Writes the script from the brief by rule.

    Args:
        programme: the programme's name (``content.programme``).
        names: what it is called in other languages.
    """

    def __init__(self, programme: str, names: Mapping[str, str] | None = None) -> None:
        self._programme = programme
        self._names = names or {}

    @property
    def name(self) -> str:
        """``template-script``."""
        return NAME

    @property
    def service(self) -> str | None:
        """None: it depends on nothing."""
        return None

    async def run(self, call: Call) -> StageOutput:
        """The script as ``{"script": …}`` (``scheduler.domain.codec.script_to_json``).

        Raises:
            StageFailure: INVALID_INPUT; the brief has no headline.
            RuntimeError: the stage runs before ``brief``: the pipeline is put together wrongly.
        """
        if call.brief is None:
            raise RuntimeError(f"stage {call.stage} has no brief: it must need stage brief")
        if not all(headline.sentences for headline in call.brief.headlines) or not call.brief.headlines:
            raise StageFailure.invalid_input("the brief needs a headline, and each headline a sentence")
        script = build_script(call.brief, name_in(call.brief.language, self._programme, self._names))
        call.progress(1.0, f"{script.points} points, {script.duration_s:.0f} s")
        return StageOutput(data={"script": script_to_json(script)}, provider=NAME)
