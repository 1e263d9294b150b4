from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from http_scripted import Kept, content, make_call, make_script, names, remove, scripted, tone
from pydantic import SecretStr
from starlette.responses import HTMLResponse, JSONResponse, Response

from config.settings import SpeechSettings
from integrations.a4f import A4fSpeech, CachedSpeech, NarrationCache
from scheduler.domain.failure import FailureClass, StageFailure
from scheduler.domain.render import StageName

ROUTE = "POST /v1/audio/speech"
ONE = make_script(outro=False)
API_ERROR, INVALID_OUTPUT = FailureClass.API_ERROR, FailureClass.INVALID_OUTPUT


@pytest.fixture(scope="session")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return tone(tmp_path_factory.mktemp("sound") / "a.mp3", codec="libmp3lame").read_bytes()


def a4f_at(url: str) -> A4fSpeech:
    return A4fSpeech(SpeechSettings(a4f_url=url, a4f_key=SecretStr("k3y"), a4f_voice="nova", speed=1.25))


async def test_each_narration_is_asked_for_decoded_and_kept(tmp_path: Path, mp3: bytes) -> None:
    kept = Kept()
    async with scripted() as service:
        service.on(ROUTE, Response(mp3, media_type="audio/mpeg"))
        output = await a4f_at(service.url).run(make_call(tmp_path, StageName.TTS, kept=kept))
        seen = service.seen[0]
    assert seen.headers["authorization"] == "Bearer k3y"
    assert seen.body == {
        "model": "provider-3/tts-1",
        "input": seen.body["input"],
        "voice": "nova",
        "response_format": "mp3",
        "speed": 1.25,
    }
    assert sorted(output.artifacts) == ["narration/0", "narration/1"]
    assert (output.data["providers"], output.data["silent"]) == (["a4f", "a4f"], False)
    assert output.data["durations"] == pytest.approx([2.0, 2.0], abs=0.1)
    assert sorted(kept.parts) == ["0", "1"]
    assert list(kept.parts["0"].artifacts) == ["narration"]
    assert names(tmp_path) == ["narration-0.mp3", "narration-1.mp3"]


async def test_only_missing_narrations_are_asked_for(tmp_path: Path, mp3: bytes) -> None:
    kept = Kept()
    async with scripted() as service:
        service.on(ROUTE, Response(mp3, media_type="audio/mpeg"))
        provider = a4f_at(service.url)
        await provider.run(make_call(tmp_path, StageName.TTS, kept=kept))
        remove(kept.parts["1"].artifacts["narration"].path)
        await provider.run(make_call(tmp_path, StageName.TTS, kept=kept))
        assert service.count(ROUTE) == 3


@pytest.mark.parametrize("word", ["url", "audio_url"])
async def test_json_that_names_the_sound_is_followed(tmp_path: Path, mp3: bytes, word: str) -> None:
    async with scripted() as service, scripted() as cdn:
        cdn.on("GET /a.mp3", Response(mp3, media_type="audio/mpeg"))
        service.on(ROUTE, JSONResponse({word: f"{cdn.url}/a.mp3"}))
        output = await a4f_at(service.url).run(make_call(tmp_path, StageName.TTS, script=ONE))
        assert "authorization" not in cdn.seen[0].headers
    assert content(output.artifacts["narration/0"].path) == mp3


@pytest.mark.parametrize(
    ("answer", "kind", "retryable", "said"),
    [
        (JSONResponse({"error": {"message": "quota exceeded", "type": "x"}}), API_ERROR, True, "quota exceeded"),
        (JSONResponse({"error": {"message": "no k3y"}}, status_code=401), API_ERROR, False, r"no \*\*\*"),
        (JSONResponse({"error": {"message": "slow down"}}, status_code=429), API_ERROR, True, "slow down"),
        (JSONResponse({"text": "hello"}), INVALID_OUTPUT, True, "neither sound nor its address"),
        (JSONResponse({"url": "/gone.mp3"}), INVALID_OUTPUT, True, "nothing there"),
        (HTMLResponse("<html>login</html>"), INVALID_OUTPUT, True, "HTML"),
        (Response(b"", media_type="audio/mpeg"), INVALID_OUTPUT, True, "0"),
        (Response(b"not sound at all" * 99, media_type="audio/mpeg"), INVALID_OUTPUT, True, "decoded|no sound"),
    ],
)
async def test_bad_answers(tmp_path: Path, answer: Response, kind: FailureClass, *, retryable: bool, said: str) -> None:
    async with scripted() as service:
        service.on(ROUTE, answer)
        with pytest.raises(StageFailure, match=said) as caught:
            await a4f_at(service.url).run(make_call(tmp_path, StageName.TTS, script=ONE))
    assert (caught.value.kind, caught.value.retryable) == (kind, retryable)
    assert names(tmp_path) == []


async def test_silence_a_hole_and_a_stump_are_no_narration(tmp_path: Path) -> None:
    silence = content(tone(tmp_path / "silence.wav", level=0.0))
    stump = content(tone(tmp_path / "stump.wav", seconds=0.1))
    hole = content(tone(tmp_path / "hole.wav", seconds=12, hole_s=7.5))
    cut = content(tone(tmp_path / "long.wav", seconds=8))[:200_000]
    async with scripted() as service:
        for number, (sound, said) in enumerate(
            [(silence, "silent"), (hole, r"silent for 7\.\d s"), (stump, "was cut"), (cut, "is cut off")]
        ):
            service.on(ROUTE, Response(sound, media_type="audio/wav"))
            with pytest.raises(StageFailure, match=said) as caught:
                await a4f_at(service.url).run(make_call(tmp_path / str(number), StageName.TTS, script=ONE))
            assert caught.value.kind is INVALID_OUTPUT
            assert names(tmp_path / str(number)) == []


async def test_the_key_is_never_logged(tmp_path: Path, mp3: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with scripted() as service:
        service.on(ROUTE, Response(mp3, media_type="audio/mpeg"))
        await a4f_at(service.url).run(make_call(tmp_path, StageName.TTS, script=ONE))
    assert "k3y" not in caplog.text


def test_without_an_address_it_is_not_built() -> None:
    with pytest.raises(ValueError, match="a4f_url"):
        A4fSpeech(SpeechSettings())


async def test_what_was_spoken_before_is_there_when_the_endpoint_is_not(tmp_path: Path, mp3: bytes) -> None:
    cache = NarrationCache(tmp_path / "narrations", limit=10 * len(mp3))
    settings = SpeechSettings(a4f_voice="nova", speed=1.25)
    async with scripted() as service:
        service.on(ROUTE, Response(mp3, media_type="audio/mpeg"))
        asked = settings.model_copy(update={"a4f_url": service.url})
        await A4fSpeech(asked, cache).run(make_call(tmp_path / "first", StageName.TTS))
    cached = CachedSpeech(cache, voice="nova", speed=1.25)
    kept = Kept()
    output = await cached.run(make_call(tmp_path / "second", StageName.TTS, kept=kept))
    assert content(output.artifacts["narration/1"].path) == mp3
    assert (output.data["providers"], output.data["silent"]) == (["cached-audio"] * 2, False)
    assert output.data["durations"] == pytest.approx([2.0, 2.0], abs=0.1)
    assert sorted(kept.parts) == ["0", "1"]

    other = CachedSpeech(cache, voice="alloy", speed=1.25)
    with pytest.raises(StageFailure, match="2 of 2 narrations were never spoken before in voice alloy") as caught:
        await other.run(make_call(tmp_path / "third", StageName.TTS))
    assert (caught.value.kind, caught.value.retryable) == (FailureClass.UNAVAILABLE, False)


async def test_what_is_missing_in_the_cache_or_damaged_is_left_to_the_next(tmp_path: Path, mp3: bytes) -> None:
    folder, sound = tmp_path / "narrations", tmp_path / "a.mp3"
    sound.write_bytes(mp3)
    cache = NarrationCache(folder, limit=10 * len(mp3))
    first, second = make_script().segments
    cache.keep(first.narration, sound, voice="nova", speed=1.0)
    sound.write_bytes(b"no sound" * 100)
    cache.keep(second.narration, sound, voice="nova", speed=1.0)
    kept = Kept()
    with pytest.raises(StageFailure, match="1 of 2 narrations") as caught:
        await CachedSpeech(cache, voice="nova", speed=1.0).run(make_call(tmp_path / "work", StageName.TTS, kept=kept))
    assert caught.value.details["missing_segments"] == [1]
    assert sorted(kept.parts) == ["0"], "what was there is kept for whoever comes next"
    assert len(names(folder)) == 1, "the damaged one is gone"


def test_the_cache_keeps_to_its_room_and_to_what_was_used_last(tmp_path: Path) -> None:
    folder, sound = tmp_path / "narrations", tmp_path / "a.mp3"
    sound.write_bytes(bytes(1000))
    cache = NarrationCache(folder, limit=2500)
    for number, text in enumerate(("one", "two")):
        cache.keep(text, sound, voice="v", speed=1.0)
        found = cache.find(text, voice="v", speed=1.0)
        assert found is not None
        os.utime(found, (number, number))
    assert cache.find("one", voice="v", speed=1.0) is not None
    cache.keep("three", sound, voice="v", speed=1.0)
    left = [text for text in ("one", "two", "three") if cache.find(text, voice="v", speed=1.0)]
    assert left == ["one", "three"]
    sound.write_bytes(bytes(3000))
    cache.keep("four", sound, voice="v", speed=1.0)
    assert cache.find("four", voice="v", speed=1.0) is None
    NarrationCache(sound / "no folder", limit=10_000).keep("five", sound, voice="v", speed=1.0)
