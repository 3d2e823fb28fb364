"""Settings of the test suite: SQLite by default, PostgreSQL by DATABASE_URL."""

from __future__ import annotations

import environ

env = environ.Env()

# Throw-away values: nothing is protected by them.
SECRET_KEY = "only-for-tests"
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite://:memory:")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "pandabase_django",
]
# A tuple: a test that appended to a list would change it for every test after.
MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

PANDABASE = {
    # A fixed key, so that the golden sealed token of tests/crypto stays readable.
    "ENCRYPTION_KEYS": ["pbk1_by4zfpJzSQMKoGFCWKoWd-k-S5CiZNmaV150HWNlobs"],
    # Tests delete what was read a second ago; those of lag set the usual ten minutes.
    "MARK_GONE_AFTER_SECONDS": 0,
}
