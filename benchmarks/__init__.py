"""Measures the sync against yardsticks: ``python -m benchmarks --help``. Not timed tests."""
