"""The demo's settings with a folder of their own, under a strict Content-Security-Policy.

BROWSER_STATE_DIR names the folder; BROWSER_THEME puts one of the admin themes in front.
"""

from __future__ import annotations

from pathlib import Path

from demo_project.settings import *  # noqa: F403
from demo_project.settings import INSTALLED_APPS, MIDDLEWARE, env

STATE = Path(env("BROWSER_STATE_DIR"))
THEMES = {
    "": [],
    "unfold": ["unfold"],
    "jazzmin": ["jazzmin"],
    "grappelli": ["grappelli"],
}
THEME = env("BROWSER_THEME", default="")

INSTALLED_APPS = [*THEMES[THEME], *INSTALLED_APPS]
# Themes bring styles and scripts inline; the policy is ours and the plain admin's promise.
MIDDLEWARE = [*MIDDLEWARE, *([] if THEME else ["tests.browser.csp.StrictPolicy"])]
ROOT_URLCONF = "tests.browser.plain"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(STATE / "broker"),
    "data_folder_out": str(STATE / "broker"),
    "control_folder": str(STATE / "broker" / "control"),
}
(STATE / "broker" / "control").mkdir(parents=True, exist_ok=True)
