"""A shop needs no REST framework; without the admin, it asks without Celery as well."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
import django
from django.conf import settings
from tests import settings as all_settings

given = {{name: value for name, value in vars(all_settings).items() if name.isupper()}}
left_out = {left_out!r}
given["INSTALLED_APPS"] = [app for app in given["INSTALLED_APPS"] if app not in left_out]
settings.configure(**given)
django.setup()
import pandabase_django.access, pandabase_django.actions, pandabase_django.usage
import pandabase_django.checkout, pandabase_django.events, pandabase_django.templatetags.pandabase
"""


@pytest.mark.parametrize(
    ("missing", "left_out"),
    [
        (("rest_framework",), ()),
        (("rest_framework", "celery", "kombu"), ("django.contrib.admin",)),
    ],
    ids=["no REST framework", "no Celery and no admin"],
)
def test_what_a_shop_asks_needs_nothing_that_it_does_not_use(
    missing: tuple[str, ...], left_out: tuple[str, ...]
) -> None:
    code = CODE.format(missing=missing, left_out=left_out)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
