"""Celery tasks: load by primary key, call one service, turn ``retryable`` into a retry.

Messages carry primary keys alone. Every task may be delivered twice: a second delivery finds the
lease taken, or nothing left to do.
"""

from __future__ import annotations

from celery.exceptions import SoftTimeLimitExceeded

from pandabase_django.exceptions import let_pass
from pandabase_django.tasks.actions import enqueue_action, perform_action, sweep_actions
from pandabase_django.tasks.broker import broker_problem, enqueue
from pandabase_django.tasks.people import enqueue_erasure, erase_person, sweep_erasures
from pandabase_django.tasks.purchases import (
    enqueue_purchase,
    enqueue_purchases,
    process_purchase,
    sweep_checkouts,
)
from pandabase_django.tasks.rotation import (
    pick_up_spool,
    rotate_due_secrets,
    rotate_secret,
    watch_rotations,
)
from pandabase_django.tasks.sync import (
    archive_request_logs,
    fetch_request_logs,
    prune_changes,
    reap_stalled_runs,
    refresh_row,
    sync_all,
    sync_details,
    sync_orders,
    sync_products,
    sync_resource,
    sync_rest,
    sync_seldom,
    sync_store,
)
from pandabase_django.tasks.sync_messages import ASKED_EXPIRES_SECONDS, Sent, enqueue_sync
from pandabase_django.tasks.usage import send_store_usage, send_usage
from pandabase_django.tasks.webhooks import (
    enqueue_deliveries,
    enqueue_delivery,
    finish_webhook_rotations,
    process_webhook,
    prune_webhooks,
    sweep_webhooks,
)

__all__ = [
    "ASKED_EXPIRES_SECONDS",
    "Sent",
    "archive_request_logs",
    "broker_problem",
    "enqueue",
    "enqueue_action",
    "enqueue_deliveries",
    "enqueue_delivery",
    "enqueue_erasure",
    "enqueue_purchase",
    "enqueue_purchases",
    "enqueue_sync",
    "erase_person",
    "fetch_request_logs",
    "finish_webhook_rotations",
    "perform_action",
    "pick_up_spool",
    "process_purchase",
    "process_webhook",
    "prune_changes",
    "prune_webhooks",
    "reap_stalled_runs",
    "refresh_row",
    "rotate_due_secrets",
    "rotate_secret",
    "send_store_usage",
    "send_usage",
    "sweep_actions",
    "sweep_checkouts",
    "sweep_erasures",
    "sweep_webhooks",
    "sync_all",
    "sync_details",
    "sync_orders",
    "sync_products",
    "sync_resource",
    "sync_rest",
    "sync_seldom",
    "sync_store",
    "watch_rotations",
]

let_pass(SoftTimeLimitExceeded)
