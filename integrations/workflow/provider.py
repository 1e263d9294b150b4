"""Provider ``workflow-script`` of stage ``script_gen`` on route ``workflow``: the caller has written the script."""

from __future__ import annotations

from scheduler.domain.codec import script_to_json
from scheduler.domain.failure import StageFailure
from scheduler.domain.render import StageOutput
from scheduler.domain.requests import RequestError
from scheduler.domain.workflow import Workflow
from scheduler.ports.provider import Call

NAME = "workflow-script"


class WorkflowScript:
    """Reads the script from the steps of the payload."""

    @property
    def name(self) -> str:
        """``workflow-script``."""
        return NAME

    @property
    def service(self) -> str | None:
        """None: it depends on nothing."""
        return None

    async def run(self, call: Call) -> StageOutput:
        """The script as ``{"script": …}``.

        Raises:
            StageFailure: INVALID_INPUT; a step is wrong.
        """
        try:
            script = Workflow.of(call.job.payload).script(call.needed_brief().date)
        except RequestError as error:
            raise StageFailure.invalid_input(f"payload.{error}") from error
        return StageOutput(data={"script": script_to_json(script)}, provider=NAME)
