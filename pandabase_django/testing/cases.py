"""The same for ``TestCase`` and ``TransactionTestCase``."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pandabase_django.testing.pandabase import Pandabase

__all__ = ["PandabaseMixin"]

if TYPE_CHECKING:
    from django.test import TransactionTestCase as _Case
else:
    _Case = object


class PandabaseMixin(_Case):
    """Gives each test ``self.pandabase``::

        class ShopTests(PandabaseMixin, TestCase):
            def test_it(self):
                self.pandabase.paid_order(user=self.ada)

    Attributes:
        pandabase: A Pandabase of this test's own.
        pandabase_options: Arguments of ``Pandabase``, for all tests of the class.
    """

    pandabase: Pandabase
    pandabase_options: Mapping[str, Any] = {}

    def setUp(self) -> None:
        """Connect the store. A ``setUp`` of the class's own calls this one first."""
        super().setUp()
        options = {"seed": zlib.crc32(self.id().encode()), **self.pandabase_options}
        self.pandabase = Pandabase(**options)
        self.pandabase.__enter__()
        self.addCleanup(self.pandabase.__exit__, None, None, None)
