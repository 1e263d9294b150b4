from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_measures_predawn_beside_huey_and_tells_all_of_it(tmp_path: Path) -> None:
    found = tmp_path / "found.json"

    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks.queue", "--quick", "--jobs", "50"),
            *("--engines", "predawn-full,huey", "--dir", str(tmp_path), "--json", str(found)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "predawn, SQLite FULL" in done.stdout
    report = json.loads(found.read_text(encoding="utf-8"))
    assert report["amounts"]["jobs"] == 50
    assert list(report["engines"]) == ["predawn-full", "huey"]
    for engine in report["engines"].values():
        assert len(engine["passes"]) == report["repeats"] == 1
        median = engine["median"]
        assert all(median[name] > 0 for name in ("enqueue_s", "process_s", "together_s", "flow_s", "rss_mib"))
        assert 0 < median["pickup_p50_ms"] <= median["pickup_p95_ms"]
        assert median["idle_cpu"] >= 0
    assert report["engines"]["predawn-full"]["process_by_peer"] > 0
    assert set(report["scale"]["ratios"]) == {"claim", "depth", "page"}
    assert {"what", "wanted", "got", "unit", "at_least", "met"} == set(report["targets"][0])
    assert list(tmp_path.iterdir()) == [found]  # databases are gone

    both = tmp_path / "both.json"
    join = [sys.executable, "-m", "benchmarks.queue", "--quick", "--join", str(found), str(found), "--json", str(both)]
    subprocess.run(join, cwd=ROOT, check=True, capture_output=True, timeout=60)
    whole = json.loads(both.read_text(encoding="utf-8"))
    assert whole["repeats"] == 2
    assert whole["engines"]["huey"]["passes"] == report["engines"]["huey"]["passes"] * 2
    assert whole["scale"] == report["scale"]
