from collections.abc import Callable, Mapping
from typing import Any

class AsyncIOScheduler:
    def __init__(self, *, jobstores: Mapping[str, Any] = ..., timezone: str = ...) -> None: ...
    def add_job(
        self,
        func: Callable[..., Any],
        trigger: Any,
        *,
        id: str,
        misfire_grace_time: int | None = ...,
        coalesce: bool = ...,
        max_instances: int = ...,
    ) -> Any: ...
    def start(self) -> None: ...
    def shutdown(self, wait: bool = ...) -> None: ...
