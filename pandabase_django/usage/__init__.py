"""Usage that is billed: record it, and know that all of it was sent.

::

    from pandabase_django.usage import record_usage

    with transaction.atomic():
        answer = Answer.objects.create(...)
        record_usage(subscription, "output_tokens", answer.tokens, key=f"answer-{answer.pk}")
"""

from __future__ import annotations

from pandabase_django.exceptions import UsageConflict
from pandabase_django.services.usage.flushed import usage_flushed_before
from pandabase_django.services.usage.recording import Usage, record_usage, record_usages
from pandabase_django.services.usage.sending import send_usage

__all__ = [
    "Usage",
    "UsageConflict",
    "record_usage",
    "record_usages",
    "send_usage",
    "usage_flushed_before",
]
