"""What every section of the settings is, and the kinds of values that several share."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from config.checks import (
    check_clock,
    check_clock_input,
    check_cron,
    check_network,
    check_object_prefix,
    check_public_url,
    check_time_zone,
    check_url,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Url = Annotated[str, AfterValidator(check_url)]
Network = Annotated[str, AfterValidator(check_network)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Cron = Annotated[str, AfterValidator(check_cron)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bucket = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
ObjectPrefix = Annotated[str, AfterValidator(check_object_prefix)]
PublicUrl = Annotated[str, AfterValidator(check_public_url)]
LocalTime = Annotated[time, BeforeValidator(check_clock_input), AfterValidator(check_clock)]


class Section(BaseModel):
    """A table of the TOML file: frozen, and unknown keys are errors.

    The docstring under a field documents it (``config.docstrings`` reads them when somebody asks: at every start that
    would cost 30 ms).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
