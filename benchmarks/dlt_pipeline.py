"""The same list with dlt: its rest_api source, merged into PostgreSQL."""

from __future__ import annotations

import hashlib
import hmac
import os
import tempfile
from urllib.parse import urlsplit

from benchmarks.remote import Remote

__all__ = ["load"]


def load(remote: Remote) -> int:
    """Load every order; returns how many."""
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    import dlt
    from dlt.sources.rest_api import rest_api_source

    key = hashlib.sha256(remote.secret.encode()).hexdigest().encode()
    source = rest_api_source(
        {
            "client": {
                "base_url": f"{remote.url}/v2/core/stores/{remote.store_id}/",
                "headers": {
                    "Authorization": f"Bearer {remote.token_id}",
                    "X-Signature": hmac.new(key, b"", hashlib.sha256).hexdigest(),
                },
            },
            "resources": [
                {
                    "name": "orders",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "orders",
                        "params": {"limit": 100, "sort": "asc"},
                        "data_selector": "data.items",
                        "paginator": {
                            "type": "page_number",
                            "base_page": 1,
                            "page_param": "page",
                            "total_path": "data.pagination.totalPages",
                        },
                    },
                }
            ],
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        pipeline = dlt.pipeline(
            "bench",
            pipelines_dir=folder,
            destination=dlt.destinations.postgres(_credentials()),
            dataset_name="bench_dlt",
        )
        pipeline.drop()
        pipeline.run(source)
        with pipeline.sql_client() as client:
            (count,) = client.execute_sql("SELECT count(*) FROM orders")[0]
    return int(count)


def _credentials() -> str:
    """The database's URL; dlt wants a password even where the server does not."""
    url = urlsplit(os.environ["DATABASE_URL"])
    login = f"{url.username}:{url.password or 'none'}@{url.hostname}:{url.port or 5432}"
    return f"postgresql://{login}{url.path}"
