"""Fills a shop for the browser and prints, as JSON, who may log in and which pages there are.

Run as ``python -m tests.browser.seed REMOTE filled|empty|selling URL`` in the shop's environment.
What can happen for real does: rows come by a sync, failures from a sandbox that fails.
"""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings

PASSWORD = "by keyboard alone"


def main() -> None:
    # Models can be imported once Django is set up.
    from django.contrib.auth.models import User

    from tests.browser.seed.filled import fill
    from tests.browser.seed.login import log_in
    from tests.browser.seed.pages import baseline, pages_of
    from tests.browser.seed.selling import sell

    remote, how = json.loads(sys.argv[1]), sys.argv[2]
    user = User.objects.create_superuser("owner", "owner@example.com", PASSWORD)
    if how == "filled":
        fill(remote, user)
    if how == "selling":
        sell(remote, url=sys.argv[3])
        user = User.objects.create_user("buyer", password=PASSWORD)
    sys.stdout.write(
        json.dumps(
            {
                "username": user.username,
                "password": PASSWORD,
                "session": log_in(user),
                "pages": pages_of(user) if how == "filled" else [],
                "baseline": baseline() if how == "filled" and not settings.THEME else [],
            }
        )
    )


if __name__ == "__main__":
    django.setup()
    main()
