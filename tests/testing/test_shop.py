"""A shop's own tests, and those of docs/testing.md, pass in the project that the pages make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.inner import run_pytest
from tests.testing.project import build_shop


@pytest.mark.thorough
def test_the_tests_of_a_shop_and_of_the_page_pass(tmp_path: Path) -> None:
    build_shop(tmp_path)
    outcome = run_pytest(tmp_path, "-v", "--nomigrations", PANDABASE_ENCRYPTION_KEY="")
    assert outcome.names("FAILED") == outcome.names("ERROR") == [], outcome.text
    assert len(outcome.names("PASSED")) > 25, outcome.text
