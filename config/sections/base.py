"""What every section of the settings is, and the kinds of values that several share."""

from __future__ import annotations

from datetime import time
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from config.checks import (
    check_clock,
    check_clock_input,
    check_cron,
    check_object_prefix,
    check_public_url,
    check_time_zone,
    check_url,
)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Url = Annotated[str, AfterValidator(check_url)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Cron = Annotated[str, AfterValidator(check_cron)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
Bucket = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
ObjectPrefix = Annotated[str, AfterValidator(check_object_prefix)]
PublicUrl = Annotated[str, AfterValidator(check_public_url)]
LocalTime = Annotated[time, BeforeValidator(check_clock_input), AfterValidator(check_clock)]


class Section(BaseModel):
    """A table of the TOML file: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)
