"""Benchmarks: figures side by side in one run; ``python -m benchmarks`` runs all, ``python -m benchmarks.NAME`` one."""
