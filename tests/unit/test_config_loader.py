from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from config.loader import Loaded, load_settings
from config.problems import ConfigError


@pytest.fixture(autouse=True)
def _no_usual_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("config.loader.default_config_file", lambda: tmp_path / "usual" / "predawn.toml")
    monkeypatch.setattr("config.loader.default_home", lambda: tmp_path / "home")


def load(
    tmp_path: Path, toml: str = "", environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> Loaded:
    file = None
    if toml:
        file = tmp_path / "predawn.toml"
        file.write_text(toml, encoding="utf-8")
    return load_settings(config_file=file, environ=environ or {}, overrides=overrides)


def problems(
    tmp_path: Path, toml: str = "", environ: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, toml, environ, overrides)
    assert caught.value.exit_code == 2
    return [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    assert loaded.settings.home == tmp_path / "home"
    assert loaded.settings.queue.lease_s == 30
    assert list(loaded.settings.schedules) == ["nightly"]
    assert set(loaded.sources.values()) == {"default"}
    assert loaded.config_file is None


def test_file_then_environment_then_flag_win(tmp_path: Path) -> None:
    toml = "[queue]\nlease_s = 21\nreap_s = 2\nmax_crashes = 4\n"
    environ = {"PREDAWN_QUEUE__LEASE_S": "22", "PREDAWN_QUEUE__REAP_S": "3"}
    loaded = load(tmp_path, toml, environ, {"queue.lease_s": 23})
    assert (loaded.settings.queue.lease_s, loaded.settings.queue.reap_s, loaded.settings.queue.max_crashes) == (
        23,
        3,
        4,
    )
    assert loaded.sources["queue.lease_s"] == "flag"
    assert loaded.sources["queue.reap_s"] == "env PREDAWN_QUEUE__REAP_S"
    assert loaded.sources["queue.max_crashes"] == f"{tmp_path / 'predawn.toml'}:4"
    assert loaded.sources["queue.timeout_s"] == "default"


def test_a_section_that_is_named_in_part_keeps_its_other_defaults(tmp_path: Path) -> None:
    loaded = load(tmp_path, "[services.manim]\nenabled = false\n[pipeline.stages.tts]\nattempts = 2\n")
    assert loaded.settings.services.manim.url == "http://127.0.0.1:5000"
    assert loaded.settings.services.manim.enabled is False
    assert loaded.settings.pipeline.stages.tts.providers == ("a4f", "cached-audio", "espeak", "silence")


def test_naming_a_schedule_replaces_the_default_one_and_estimates_are_added(tmp_path: Path) -> None:
    loaded = load(
        tmp_path, '[schedules.weekly]\ncron = "0 3 * * sun"\n[deadline.estimates.slow]\np50_s = 1\np90_s = 2\n'
    )
    assert list(loaded.settings.schedules) == ["weekly"]
    assert loaded.settings.schedules["weekly"].deadline == time(6, 0)
    assert {"slow", "espeak"} <= set(loaded.settings.deadline.estimates)


def test_an_empty_schedule_table_names_it_and_an_empty_list_of_them_names_none(tmp_path: Path) -> None:
    assert list(load(tmp_path, "[schedules.weekly]\n").settings.schedules) == ["weekly"]
    assert list(load(tmp_path, "[schedules]\n").settings.schedules) == ["nightly"]


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("PREDAWN_HOME", "/srv/predawn", "home", Path("/srv/predawn")),
        ("PREDAWN_DATABASE_URL", "postgresql://db/x", "database.url", "postgresql://db/x"),
        ("PREDAWN_DATABASE__URL", "none", "database.url", None),
        ("PREDAWN_CONSOLE__ASCII", "true", "console.ascii", True),
        ("PREDAWN_CONSOLE__ASCII", "yes", "console.ascii", True),
        ("PREDAWN_SPEECH__A4F_VOICE", "007", "speech.a4f_voice", "007"),
        ("PREDAWN_PIPELINE__STAGES__TTS__PROVIDERS", "a, b", "pipeline.stages.tts.providers", ("a", "b")),
        ("PREDAWN_PIPELINE__STAGES__TTS__PROVIDERS", '["silence"]', "pipeline.stages.tts.providers", ("silence",)),
        ("PREDAWN_SERVICES__MANIM__URL", "http://h:1/", "services.manim.url", "http://h:1"),
        ("PREDAWN_STORAGE__DIRECTORY", "", "storage.directory", None),
    ],
)  # fmt: skip
def test_the_environment_is_read_as_the_setting_needs(
    tmp_path: Path, variable: str, text: str, key: str, value: object
) -> None:
    loaded = load(tmp_path, environ={variable: text})
    found: Any = loaded.settings
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value
    assert loaded.sources[key] == f"env {variable}"


def test_the_environment_reaches_named_tables_with_hyphens_and_whole_tables(tmp_path: Path) -> None:
    environ = {
        "PREDAWN_DEADLINE__ESTIMATES__MANIM_API__P50_S": "12",
        "PREDAWN_SCHEDULES__NIGHTLY__PAYLOAD": '{"brief": "x.md"}',
        "PREDAWN_SCHEDULES__NIGHTLY__DEADLINE": "05:30",
    }
    settings = load(tmp_path, environ=environ).settings
    assert settings.deadline.estimates["manim-api"].p50_s == 12
    assert settings.schedules["nightly"].payload == {"brief": "x.md"}
    assert settings.schedules["nightly"].deadline == time(5, 30)
    settings = load(tmp_path, environ={"PREDAWN_QUEUE": '{"lease_s": 40}'}).settings
    assert settings.queue.lease_s == 40


def test_variables_of_others_and_of_the_test_suite_are_left_alone(tmp_path: Path) -> None:
    load(tmp_path, environ={"HOME": "/x", "PREDAWNX": "1", "PREDAWN_TEST_POSTGRES": "postgresql://x"})


def test_predawn_config_names_the_file_and_the_usual_one_is_found(tmp_path: Path) -> None:
    file = tmp_path / "usual" / "predawn.toml"
    file.parent.mkdir()
    file.write_text("[api]\nport = 1\n", encoding="utf-8")
    assert load_settings(environ={}).settings.api.port == 1
    other = tmp_path / "other.toml"
    other.write_text("[api]\nport = 2\n", encoding="utf-8")
    loaded = load_settings(environ={"PREDAWN_CONFIG": str(other)})
    assert (loaded.settings.api.port, loaded.config_file) == (2, other)


def test_relative_paths_start_at_the_file_and_flags_at_the_working_directory(tmp_path: Path) -> None:
    loaded = load(tmp_path, '[content]\nbriefs_dir = "briefs"\n', overrides={"home": "data"})
    assert loaded.settings.content.briefs_dir == tmp_path / "briefs"
    assert loaded.settings.home == Path.cwd() / "data"


def test_flags_are_dotted_nested_or_not_given(tmp_path: Path) -> None:
    overrides = {"api.port": None, "queue": {"reap_s": 9}, "queue.lease_s": "25", "api.enabled": "no"}
    loaded = load(tmp_path, overrides=overrides)
    assert loaded.settings.api.port == 8103
    assert (loaded.settings.queue.reap_s, loaded.settings.queue.lease_s) == (9, 25)
    assert loaded.settings.api.enabled is False


def test_secrets_come_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("s3cret\n", encoding="utf-8")
    environ = {"PREDAWN_SPEECH__A4F_KEY_FILE": str(secret), "PREDAWN_DATABASE_URL_FILE": str(secret)}
    settings = load(tmp_path, environ=environ).settings
    assert settings.speech.a4f_key == SecretStr("s3cret")
    assert settings.database.url == "s3cret"


def test_a_secret_file_that_cannot_be_read_names_variable_and_path(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    found = problems(tmp_path, environ={"PREDAWN_SPEECH__A4F_KEY_FILE": str(missing)})
    reason = "speech.a4f_key: the file 'missing' that it names cannot be read: No such file or directory"
    assert found == [f"env PREDAWN_SPEECH__A4F_KEY_FILE: {reason}"]


def test_a_file_variable_of_a_setting_that_is_no_secret_is_unknown(tmp_path: Path) -> None:
    assert "is no setting" in problems(tmp_path, environ={"PREDAWN_QUEUE__LEASE_S_FILE": "/x"})[0]
    assert load(tmp_path, environ={"PREDAWN_LOG__FILE": "/x"}).settings.log.file == Path("/x")


def test_one_setting_from_two_variables_is_refused(tmp_path: Path) -> None:
    found = problems(tmp_path, environ={"PREDAWN_DATABASE_URL": "a", "PREDAWN_DATABASE__URL": "b"})
    assert found == ["env PREDAWN_DATABASE__URL: database.url: is also set by PREDAWN_DATABASE_URL; keep one of them"]


def test_all_problems_of_all_sources_are_listed_at_once(tmp_path: Path) -> None:
    toml = """\
[queue]
lease_s = 1
heartbeat = 3

[services.manim]
url = "ftp://x"

[schedules.weekly]
cron = "0 3 * * 0"
deadline = 6
timezone = "Mars/Base"

[pipeline.stages]
tts = { providers = [], attempts = "x" }

[deadline.estimates.foo]
p50_s = 1
"""
    environ = {"PREDAWN_API__PORT": "5000", "PREDAWN_LEASE_S": "2", "PREDAWN_QUEU__REAP_S": "1"}
    found = problems(tmp_path, toml, environ, {"console.ascii": "maybe", "colour": "red"})
    by_place = sorted(found, key=lambda text: not text.startswith(("env", "flag")))
    taken = "port 5000 is also local_services.manim_port's; take another, or 0 for any free one"
    empty = "the fallback chain is empty: the stage could never be done; name a provider"
    assert by_place == [
        f"env PREDAWN_API__PORT: api.port: {taken}",
        "env PREDAWN_LEASE_S: is no setting (did you mean PREDAWN_QUEUE__LEASE_S?)",
        "env PREDAWN_QUEU__REAP_S: is no setting (did you mean PREDAWN_QUEUE__REAP_S?)",
        "flag: colour: there is no such setting",
        "flag: console.ascii: 'maybe' is not true or false",
        "predawn.toml:2: queue.lease_s: 1 is not a number from 2 to 3600",
        "predawn.toml:3: queue.heartbeat: there is no such setting (did you mean queue.heartbeat_s?)",
        "predawn.toml:6: services.manim.url: 'ftp://x' is no http(s) URL; write it like http://127.0.0.1:5000",
        "predawn.toml:9: schedules.weekly.cron: weekday '0' is ambiguous by number; use names: mon,tue or mon-fri",
        'predawn.toml:10: schedules.weekly.deadline: 6 is no time of day; write it like "06:00"',
        "predawn.toml:11: schedules.weekly.timezone: 'Mars/Base' is no IANA time zone; write it like Asia/Kolkata",
        "predawn.toml:14: pipeline.stages.tts.attempts: 'x' is not a whole number from 1 to 20",
        f"predawn.toml:14: pipeline.stages.tts.providers: {empty}",
        "predawn.toml:16: deadline.estimates.foo.p90_s: is required here",
    ]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("lease_s = 2\n", "predawn.toml:1: lease_s: there is no such setting (did you mean queue.lease_s?)"),
        ("[qeue]\nlease_s = 2\n", "predawn.toml:1: qeue: there is no such setting (did you mean queue?)"),
        ("queue = 3\n", "predawn.toml:1: queue: is a table, not 3; it holds concurrency, lease_s"),
        ("[queue]\nlease_s = true\n", "predawn.toml:2: queue.lease_s: True is not a number from 2 to 3600"),
        ("[queue]\nlease_s = nan\n", "predawn.toml:2: queue.lease_s: nan is not a number from 2 to 3600"),
        ('[database]\nsynchronous = "off"\n', "database.synchronous: 'off' is not one of FULL, NORMAL"),
        ('[pipeline.stages.tts]\nproviders = "espeak"\n', "providers: 'espeak' is not a list of names"),
        ('[schedules."Bad Name"]\n', "schedules.Bad Name: 'Bad Name' is no name; use a-z, 0-9"),
        ('[schedules.x]\ndeadline = "06:00+05:30"\n', "has a UTC offset; write the local time"),
        ('[schedules.x]\ncron = "99 3 * * *"\n', "minute '99' of '99 3 * * *': '99' is out of range; it takes 0-59"),
        ("[queue]\nlease_s = 2\nheartbeat_s = 1\n", "heartbeat_s: 1 s is more than a third of queue.lease_s (2 s)"),
        ("[queue]\nlease_s = 2\n", "predawn.toml:2: queue.lease_s: queue.heartbeat_s: 1 s is more than a third"),
        ('[pipeline.stages.tts]\nproviders = ["a", "a"]\n', "a stands in it more than once"),
        ("[deadline.estimates.espeak]\np50_s = 9\n", "half of the cases (9 s) cannot take longer than nine"),
        ("[queue]\nlease_s =\n", "predawn.toml:2: is not TOML: Invalid value (at line 2, column 10)"),
        ("[queue]\n[queue]\n", "predawn.toml:2: is not TOML"),
        ("[speech]\na4f_key = 5\n", "speech.a4f_key: ******** is not accepted"),
    ],
)  # fmt: skip
def test_a_bad_file_is_explained(tmp_path: Path, toml: str, expected: str) -> None:
    assert expected in "\n".join(problems(tmp_path, toml))


def test_a_named_file_that_is_missing_or_not_utf8_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_settings(config_file=tmp_path / "nowhere.toml", environ={})
    bad = tmp_path / "bad.toml"
    bad.write_bytes(b"[log]\nlevel = '\xe9'\n")
    with pytest.raises(ConfigError, match=r"bad\.toml:2: byte 0xe9 at offset 15 is not UTF-8"):
        load_settings(config_file=bad, environ={})


def test_a_password_in_a_url_is_not_repeated_in_an_error(tmp_path: Path) -> None:
    found = "\n".join(problems(tmp_path, '[services.manim]\nurl = "ftp://ann:pw@host"\n'))
    assert "pw" not in found
    assert "ftp://ann:********@host" in found


def test_lines_are_right_behind_multi_line_values_windows_ends_and_dotted_keys(tmp_path: Path) -> None:
    toml = "\ufeff# note\r\nqueue.reap_s = 4\r\n\r\n[pipeline.stages.tts]\r\n"
    toml += 'providers = [\r\n  "espeak", # [x]\r\n  "silence",\r\n]\r\n'
    toml += 'attempts = 3\r\n[content]\r\nprogramme = """\\\r\n  News"""\r\n[log]\r\nlevel = "debug"\r\n'
    file = tmp_path / "predawn.toml"
    file.write_bytes(toml.encode())
    loaded = load_settings(config_file=file, environ={})
    lines = {key: where.rpartition(":")[2] for key, where in loaded.sources.items() if where != "default"}
    assert lines == {
        "queue.reap_s": "2",
        "pipeline.stages.tts.providers": "5",
        "pipeline.stages.tts.attempts": "9",
        "content.programme": "11",
        "log.level": "14",
    }


def test_two_local_services_may_both_take_any_free_port(tmp_path: Path) -> None:
    load(tmp_path, "[local_services]\nmanim_port = 0\nrevideo_port = 0\n")
