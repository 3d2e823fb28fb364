"""Settings from the environment; ``.env`` in the project's root only fills what is missing there.

DATABASE_URL, CELERY_BROKER_URL, CACHE_URL, PANDABASE_API_URL, PANDABASE_ENCRYPTION_KEYS,
PANDABASE_READ_ONLY, PANDABASE_ENVIRONMENT,
SECRET_KEY and DEBUG are read. Everything else is what a new Django project has.
"""

from __future__ import annotations

from pathlib import Path

import environ

from pandabase_django.schedules import beat_schedule

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / ".demo"

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env", overwrite=False)

# Refuses to start without one, but for commands that make the first .env.
SECRET_KEY = env("SECRET_KEY", default="")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "pandabase_django",
    "demo_project",
    "demo_project.shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "demo_project.urls"
WSGI_APPLICATION = "demo_project.wsgi.application"
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

DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{STATE_DIR}/demo.sqlite3")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A worker, beat and the web server share the file: readers must not block the writer, and a
    # writer must queue at its first statement.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# A folder, so that the web server and the workers share what they know of rate limits.
CACHES = {"default": env.cache_url("CACHE_URL", default=f"filecache://{STATE_DIR}/cache")}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
STATIC_URL = "static/"
LOGIN_URL = "shop:sign-in"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "shop:home"

PANDABASE = {
    "ENCRYPTION_KEYS": env.list("PANDABASE_ENCRYPTION_KEYS", default=[]),
    "API_URL": env("PANDABASE_API_URL", default="https://api.pandabase.io"),
    "READ_ONLY": env.bool("PANDABASE_READ_ONLY", default=False),
    "ENVIRONMENT": env("PANDABASE_ENVIRONMENT", default=""),
    # A sandbox that deletes what was read a second ago is followed at once with 0.
    "MARK_GONE_AFTER_SECONDS": env.int("PANDABASE_MARK_GONE_AFTER_SECONDS", default=600),
    "CHECKOUT_BASE_TEMPLATE": "shop/base.html",
}

CELERY_BROKER_URL = env("CELERY_BROKER_URL", default="filesystem://")
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULE = beat_schedule()
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(STATE_DIR / "broker"),
        "data_folder_out": str(STATE_DIR / "broker"),
        "control_folder": str(STATE_DIR / "broker" / "control"),
    }
elif CELERY_BROKER_URL.startswith("redis"):
    # A Redis that does not answer must not hold a page or a webhook for long.
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}

STATE_DIR.mkdir(exist_ok=True)
(STATE_DIR / "broker" / "control").mkdir(parents=True, exist_ok=True)
