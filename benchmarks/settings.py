"""Django settings of the bench: PostgreSQL and Redis named by the environment."""

from __future__ import annotations

import environ

env = environ.Env()

SECRET_KEY = "only-for-the-bench"
DATABASES = {"default": env.db_url("DATABASE_URL")}
if "sqlite" in DATABASES["default"]["ENGINE"]:  # for the measure of people
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]  # the test client's, and the web server's
USE_TZ = True
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "pandabase_django",
    "benchmarks",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
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
    # A throw-away key: it protects the sandbox's invented secrets alone.
    "ENCRYPTION_KEYS": ["pbk1_by4zfpJzSQMKoGFCWKoWd-k-S5CiZNmaV150HWNlobs"],
    "CONCURRENCY": env.int("BENCH_CONNECTIONS", default=8),
    "SYNC_INTERVAL_SECONDS": env.int("BENCH_INTERVAL", default=600),
}
# Worker processes share limits that were met, where the cache is one that they share.
CACHES = {"default": env.cache_url("BENCH_CACHE_URL", default="locmemcache://")}

CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="redis://127.0.0.1:6379/4")
CELERY_TASK_DEFAULT_QUEUE = env("BENCH_QUEUE", default="pandabase-bench")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
