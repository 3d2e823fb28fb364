"""The cells: each varies one thing of the base."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CELLS", "Cell"]

BASE_PYTHON = "3.11"
OF_OTHERS = ("psycopg[binary]>=3.2",)
OF_THE_BASE = ("psycopg[binary,pool]>=3.2", "gevent", "uvicorn", "django-celery-beat>=2.8")


@dataclass(frozen=True, slots=True)
class Cell:
    """One deployment.

    Attributes:
        name: What ``ONLY`` takes.
        varies: What is other than in the base, for the table.
        python: Minor version of the interpreter.
        django: Which Django pip is asked for.
        database: direct, pgbouncer, pool, psycopg2, replica, second or sqlite.
        broker: redis, classic or quorum (RabbitMQ), or file.
        worker: Celery's pool.
        web: gunicorn's worker class, or uvicorn.
        path: Sub-path behind nginx; "" is without nginx.
        scheduler: Of beat; "" is Celery's own.
        egress: Pandabase is reached by a proxy, over TLS of a private authority.
        read_only: Nothing can be written but one folder, and the database goes away once.
        shows: Distributions whose versions the table names beside Python and Django.
    """

    name: str
    varies: str
    python: str = BASE_PYTHON
    django: str = "django>=5.2,<5.3"
    database: str = "direct"
    broker: str = "redis"
    worker: str = "prefork"
    web: str = "sync"
    path: str = ""
    scheduler: str = ""
    egress: bool = False
    read_only: bool = False
    shows: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """Programs and servers without which it can't run."""
        wanted = {"postgresql": self.database not in ("sqlite", "replica")}
        wanted["postgresql-programs"] = self.database == "replica"
        wanted["pgbouncer"] = self.database == "pgbouncer"
        wanted["redis"] = self.broker == "redis"
        wanted["rabbitmq"] = self.broker in ("classic", "quorum")
        wanted["nginx"] = bool(self.path)
        wanted["mounts"] = self.read_only
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    @property
    def packages(self) -> tuple[str, ...]:
        """What is installed beside the wheel: the same for all cells of a Python, but psycopg2."""
        chosen = (self.django, "gunicorn")
        if self.database == "psycopg2":
            return (*chosen, "psycopg2-binary")
        return (*chosen, *(OF_THE_BASE if self.python == BASE_PYTHON else OF_OTHERS))


_DJANGO_6_0 = "django>=6.0,<6.1"
_DJANGO_6_1 = "django>=6.1,<6.2"

CELLS = (
    Cell("base", "PostgreSQL direct, Redis, prefork, gunicorn sync", shows=("psycopg", "gunicorn")),
    Cell("pgbouncer", "PgBouncer in transaction mode", database="pgbouncer", shows=("psycopg",)),
    Cell("psycopg-pool", "psycopg's pool", database="pool", shows=("psycopg", "psycopg-pool")),
    Cell("psycopg2", "psycopg2", database="psycopg2", shows=("psycopg2-binary",)),
    Cell("replica", "a router to a replica that is 3 s behind", database="replica"),
    Cell("second-alias", "a router to a second alias, users included", database="second"),
    Cell("sqlite", "SQLite, messages in files", database="sqlite", broker="file"),
    Cell("redis-threads", "Redis, threads", worker="threads", shows=("redis",)),
    Cell("redis-gevent", "Redis, gevent", worker="gevent", shows=("redis", "gevent")),
    Cell("rabbitmq-classic", "RabbitMQ, classic queue", broker="classic", shows=("amqp",)),
    Cell("rabbitmq-quorum", "RabbitMQ, quorum queue", broker="quorum", shows=("amqp",)),
    Cell(
        "rabbitmq-classic-threads",
        "RabbitMQ, classic queue, threads",
        broker="classic",
        worker="threads",
        shows=("amqp",),
    ),
    Cell(
        "rabbitmq-quorum-threads",
        "RabbitMQ, quorum queue, threads",
        broker="quorum",
        worker="threads",
        shows=("amqp",),
    ),
    Cell(
        "rabbitmq-classic-gevent",
        "RabbitMQ, classic queue, gevent",
        broker="classic",
        worker="gevent",
        shows=("amqp", "gevent"),
    ),
    Cell(
        "rabbitmq-quorum-gevent",
        "RabbitMQ, quorum queue, gevent",
        broker="quorum",
        worker="gevent",
        shows=("amqp", "gevent"),
    ),
    Cell("gunicorn-sync", "gunicorn sync, nginx, sub-path", path="/shop", shows=("gunicorn",)),
    Cell(
        "gunicorn-gthread",
        "gunicorn gthread, nginx, sub-path",
        web="gthread",
        path="/shop",
        shows=("gunicorn",),
    ),
    Cell(
        "gunicorn-gevent",
        "gunicorn gevent, nginx, sub-path",
        web="gevent",
        path="/shop",
        shows=("gunicorn", "gevent"),
    ),
    Cell(
        "uvicorn",
        "uvicorn (ASGI), nginx, sub-path",
        web="uvicorn",
        path="/shop",
        shows=("uvicorn",),
    ),
    Cell(
        "database-scheduler",
        "beat with `DatabaseScheduler`",
        scheduler="django_celery_beat.schedulers:DatabaseScheduler",
        shows=("django-celery-beat",),
    ),
    Cell("egress", "egress proxy, private CA", egress=True, shows=("requests",)),
    Cell("read-only", "read-only root, spool, database away", read_only=True),
    Cell("python-3.10", "Python 3.10", python="3.10"),
    Cell("python-3.12", "Python 3.12, Django 6.0", python="3.12", django=_DJANGO_6_0),
    Cell("python-3.13", "Python 3.13, Django 6.1", python="3.13", django=_DJANGO_6_1),
    Cell("python-3.14", "Python 3.14, Django 6.1", python="3.14", django=_DJANGO_6_1),
)
