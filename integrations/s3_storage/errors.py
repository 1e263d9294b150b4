"""What the S3 library's errors mean (``obstore``). Pure.

The library tells an HTTP status and the server's XML in its message, and the kind of a transport error in the debug
text behind it. Both are read here and nowhere else; tests hold them against the real library.
"""

from __future__ import annotations

import re

from integrations.kit.text import one_line
from scheduler.domain.failure import FailureClass, StageFailure

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_XML = re.compile(r"<(Code|Message)>([^<]{1,300})</")
_TRANSPORT = re.compile(r"HttpError \{\s*kind: (\w+)")
_DEBUG = "\n\nDebug source:"


def failure_of(error: Exception, *, where: str, bucket: str, size: int | None = None) -> StageFailure:
    """The failure behind an exception of the library.

    Args:
        error: any exception that it raised.
        where: the endpoint, for the message.
        bucket: for the remedy.
        size: bytes that were to be stored, for the remedy.
    """
    text = str(error)
    if found := _STATUS.search(text):
        status = int(found[1])
        said = ": ".join(value.strip() for _, value in _XML.findall(text.partition(_DEBUG)[0]))
        message = f"s3 at {where} answered HTTP {status}{f': {one_line(said)}' if said else ''}"
        return StageFailure.api_error(message + _remedy(status, said, bucket, size), status=status)
    told = one_line(text.partition(_DEBUG)[0], 200)
    match _TRANSPORT.search(text):
        case re.Match() as kind if kind[1] == "Timeout":
            return StageFailure.timeout(f"s3 at {where} did not answer in time")
        case re.Match() as kind if kind[1] == "Connect":
            return StageFailure.unavailable(f"s3 at {where} cannot be reached: is it running?")
        case re.Match():
            return StageFailure.unavailable(f"s3 at {where} broke off the connection ({told})")
        case _:
            # A 2xx without what belongs to it (an ETag, XML): another program, or a page of a gateway.
            return StageFailure.invalid_output(f"s3 at {where} did not answer like S3: {told}")


def not_installed() -> StageFailure:
    """The library is an extra."""
    return StageFailure(
        "S3 storage needs the package obstore: pip install 'predawn[s3]', or remove s3 from "
        "pipeline.stages.upload.providers",
        kind=FailureClass.UNAVAILABLE,
        retryable=False,
    )


def _remedy(status: int, said: str, bucket: str, size: int | None) -> str:
    match status:
        case 401 | 403:
            return (
                f" (check storage.s3.access_key, secret_key and region, and that they may write to bucket {bucket!r})"
            )
        case 404:
            return f" (make the bucket {bucket!r}, or check storage.s3.bucket and endpoint)"
        case 301 | 307 | 400 if "Redirect" in said or "region" in said.lower():
            return " (the bucket is in another region: set storage.s3.region)"
        case 413:
            much = "" if size is None else f"{size / 2**20:.1f} MiB are "
            return f" ({much}more than the server takes; raise its limit or lower storage.s3.multipart_above_mb)"
        case _:
            return ""
