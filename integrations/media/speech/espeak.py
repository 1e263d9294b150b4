"""eSpeak NG through ctypes. Its state is global to the process: use it in a child, from one thread."""

from __future__ import annotations

import atexit
import ctypes
import shutil
import tempfile
from pathlib import Path
from typing import Any

import espeakng_loader  # pyright: ignore[reportMissingTypeStubs] - it ships none

from scheduler.domain.failure import FailureClass, StageFailure

VOICES = ("en", "en-us", "en-gb-x-rp", "hi")
"""The voices that are known to sound right; others that eSpeak NG has work as well."""
WORDS_PER_MINUTE = 165
MIN_RATE, MAX_RATE = 80, 450
"""Words a minute that eSpeak NG accepts."""

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_POS_CHARACTER = 1
_UTF8 = 1
_RATE = 1
_WORD_GAP = 7
_PATH_LIMIT = 120
"""eSpeak NG keeps its data path in 160 bytes and appends to it."""

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """A loaded eSpeak NG.

    Attributes:
        rate: samples a second.

    Raises:
        StageFailure: UNAVAILABLE, when the library does not load or has no data.
    """

    def __init__(self) -> None:
        loader: Any = espeakng_loader
        try:
            self._library: Any = ctypes.CDLL(loader.get_library_path())
        except OSError as error:
            raise StageFailure.unavailable(f"eSpeak NG does not load: {error}", retryable=False) from error
        data = _short_path(Path(loader.get_data_path()))
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(data).encode(), _DONT_EXIT))
        if self.rate <= 0:
            raise StageFailure.unavailable(
                f"eSpeak NG finds no data in {data}: install espeakng-loader again", retryable=False
            )
        self._samples = bytearray()
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._samples += ctypes.string_at(samples, count * 2)
        return 0

    def say(self, text: str, *, voice: str, speed: float) -> bytes:
        """Little-endian 16-bit mono samples of ``text``.

        Raises:
            StageFailure: INVALID_INPUT for a voice that eSpeak NG does not have.
        """
        if "\0" in voice or self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise StageFailure.invalid_input(
                f"eSpeak NG has no voice {voice!r}; set speech.voice to one of {', '.join(VOICES)}"
            )
        self._library.espeak_SetParameter(_RATE, min(MAX_RATE, max(MIN_RATE, round(WORDS_PER_MINUTE * speed))), 0)
        self._library.espeak_SetParameter(_WORD_GAP, 1, 0)
        self._samples.clear()
        encoded = text.encode() + b"\0"
        code = self._library.espeak_Synth(encoded, len(encoded), 0, _POS_CHARACTER, 0, _UTF8, None, None)
        if code != 0:
            raise StageFailure(f"eSpeak NG failed with error {code}", kind=FailureClass.UNKNOWN, retryable=True)
        return bytes(self._samples)


def _short_path(data: Path) -> Path:
    """The data folder, by way of a short link where its path is too long for eSpeak NG."""
    if len(str(data).encode()) <= _PATH_LIMIT:
        return data
    folder = Path(tempfile.mkdtemp(prefix="espeak-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = folder / data.name
    link.symlink_to(data, target_is_directory=True)
    return link
