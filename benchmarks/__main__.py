"""Run every benchmark, one after another."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import benchmarks


def main() -> int:
    """Run each in a process of its own, so that none warms the next one's caches; the worst exit code is ours."""
    worst = 0
    for module in sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__)):
        if module.startswith("_"):
            continue
        print(f"\n== {module}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
