"""What an erasure does to each column of each table: every one is named here.

A test compares this with the models. Whoever adds a column adds it here too: to ``kept`` when it
can hold nothing of a person, to ``emptied`` when it holds a person's data, to ``scrubbed`` for
objects of the remote (to ``reread`` when it is read from one), to ``replaced`` for a shop's own
JSON or text about a person, to ``cut`` for addresses of web pages, to ``shortened``
for what gives way to its length, and to ``searched`` for free texts in which an address may stand.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TABLES", "Table"]


@dataclass(frozen=True, slots=True)
class Table:
    """One model's columns. Of the rows of a person alone, but for ``searched``: of all rows.

    Attributes:
        kept: Holds nothing of a person: ids, states, amounts, times.
        emptied: Gets its default.
        scrubbed: An object of the remote, which keeps what ``erasures.scrubbing`` keeps.
        reread: Read again from the scrubbed payload.
        replaced: Each text in it is replaced; numbers stay.
        cut: The address of a web page, which loses what follows its path.
        shortened: What is sent for an action: words about a person give way to their lengths.
        searched: A text or JSON in which the person's address is replaced, wherever it stands.
    """

    kept: str = ""
    emptied: str = ""
    scrubbed: str = ""
    reread: str = ""
    replaced: str = ""
    cut: str = ""
    shortened: str = ""
    searched: str = ""

    def columns(self, *kinds: str) -> tuple[str, ...]:
        """The names of these kinds."""
        return tuple(name for kind in kinds for name in str(getattr(self, kind)).split())

    @property
    def texts(self) -> tuple[str, ...]:
        """Columns in which somebody else's row may name the person."""
        return self.columns("searched", "replaced", "cut", "shortened")


_MIRROR = "id store digest first_seen_at synced_at gone_at appeared_at "

TABLES: dict[str, Table] = {
    "ApiToken": Table(
        kept="id store mode token_id base_url secret secret_hint secret_version secret_set_at role "
        "health rotate_after_days environment added_at last_tested_at last_used_at",
        searched="name health_reason",
    ),
    "Category": Table(
        kept=_MIRROR + "payload name slug parent display_order is_archived created_at updated_at "
        "absences"
    ),
    "CheckoutSession": Table(
        # Its user bought; what was bought stays theirs.
        kept="reference public_id store session_id state user had_user currency subtotal_minor "
        "coupon_code discount_limit_minor created_at opened_at expires_at purpose items",
        emptied="same_key refusal checkout_url pay_url",
        replaced="context",
        cut="return_url cancel_url",
    ),
    "Coupon": Table(
        kept=_MIRROR + "payload code display_name type value minimum_purchase_minor is_enabled "
        "times_used max_uses starts_at expires_at created_at updated_at absences"
    ),
    "Customer": Table(
        kept=_MIRROR + "is_guest total_spent_minor order_count created_at absences",
        emptied="email first_name last_name",
        scrubbed="payload",
    ),
    "CustomerLink": Table(
        # Access that was bought stays with its user.
        kept="id store customer user source linked_at linked_by ended_at ended_by",
        replaced="reason end_reason",
    ),
    "Dispute": Table(
        kept=_MIRROR + "order status amount_minor total_minor fee_minor currency created_at",
        scrubbed="payload",
        reread="reason",
    ),
    "ErasedHash": Table(kept="id store erasure value learned"),
    "Erasure": Table(
        # Its address is sealed, and gone when it is done.
        kept="id store begun_at finished_at source user counts address rows_done rows_found "
        "next_attempt_at enqueued_at"
    ),
    "ErasureKey": Table(kept="id secret"),
    "HandledEvent": Table(kept="id store event_id handler handled_at"),
    "HandledFact": Table(kept="id fact handler handled_at"),
    "LedgerEntry": Table(
        kept=_MIRROR + "type amount_minor balance_minor currency reference_id created_at",
        searched="description payload",
    ),
    "License": Table(
        # By its keyed hash it is still looked up: it may be in use.
        kept=_MIRROR + "status key_last_four key_hash product variant_id order customer claimed_at "
        "created_at",
        scrubbed="payload",
    ),
    "Order": Table(
        kept=_MIRROR + "order_number status amount_minor currency discount_code customer "
        "created_at updated_at payment_id payment_status payment_method total_minor tax_minor "
        "discount_minor platform_fee_minor psp_fee_minor settled_minor presentment_currency "
        "presentment_minor exchange_rate list_digest detailed_at dirty dirty_mark "
        "due_since unread_at",
        emptied="card_brand card_last_four billing_line1 billing_line2 billing_city billing_state "
        "billing_postal_code",
        scrubbed="payload list_row due_cause",
        reread="billing_country",
    ),
    "OrderItem": Table(
        kept=_MIRROR + "order position product variant name quantity price_minor currency",
        scrubbed="payload",
    ),
    "Payout": Table(
        kept=_MIRROR + "status amount_minor fee_minor currency reference_id method_id created_at "
        "updated_at absences payload"
    ),
    "Product": Table(
        kept=_MIRROR + "payload title handle status product_type price_minor "
        "compare_at_price_minor currency in_stock created_at updated_at absences"
    ),
    "ProductCategory": Table(kept="id product category"),
    "ProductVariant": Table(
        kept=_MIRROR + "payload product position title price_minor currency in_stock"
    ),
    "Purchase": Table(
        kept="id store order session subscription user verdict seen_at decided_at accepted_by "
        "standing last_fact state mark attempts next_attempt_at enqueued_at finished_at",
        replaced="accepted_reason last_error",
        searched="differences",
    ),
    "PurchaseFact": Table(kept="id purchase number fact state begun_at ended_at"),
    "Refund": Table(
        kept=_MIRROR + "order status amount_minor currency created_at",
        scrubbed="payload",
        reread="reason",
    ),
    "RefusedDeliveries": Table(kept="place counts noted_at", searched="newest"),
    "RemoteAction": Table(
        kept="id store what object_id asked_by had_user asked_at idempotency_key state tries "
        "sent_at watch_until looked_at closed_at settled_by next_attempt_at enqueued_at "
        "http_status request_id result_id rows_read_at rows_read_tries",
        # The reason is never sent.
        replaced="reason outcome",
        shortened="parameters",
    ),
    "RemoteOutage": Table(
        kept="host since last_tried_at next_try_at failures scopes everywhere", searched="error"
    ),
    "RequestLog": Table(
        # The requests of this shop's own servers.
        kept="id store method status_code duration_ms ip ip_is_new logged_at synced_at",
        searched="path payload",
    ),
    "RotationAttempt": Table(
        kept="id token signer state trigger started_by from_version to_version prepared_at sent_at "
        "journaled_at closed_at watch_until checked_at reply_status request_id fingerprint flip "
        "follows phase reply",
        searched="reason outcome",
    ),
    "RowChange": Table(kept="id store run delivery_id user model_name row_id kind columns at"),
    "Store": Table(kept="id title handle currency country enabled mark added_at", searched="note"),
    "Subscription": Table(
        kept=_MIRROR + "status billing_interval amount_minor currency quantity product customer "
        "current_period_start current_period_end next_charge_at trial_end cancelled_at paused_at "
        "ends_at retry_count created_at",
        scrubbed="payload",
    ),
    "SyncCursor": Table(
        # Checkpoints hold ids, states and numbers.
        kept="id store resource checkpoint lease_holder fence heartbeat_at lease_until "
        "first_completed_at last_completed_at scheduled_waits_until asked_waits_until "
        "full_waits_until last_full_at"
    ),
    "SyncRun": Table(
        kept="id store resource state trigger started_by helps handed_out_to first full dry_run "
        "started_at heartbeat_at finished_at cancel_requested_at phase progress_done "
        "progress_total rows_per_second seconds_left waiting_until waiting_for rows_created "
        "rows_updated rows_unchanged rows_gone requests seconds_waited warning_count request_id",
        searched="steps warnings attention error",
    ),
    "TaskTick": Table(kept="task at missed_since"),
    "TokenPermission": Table(kept="id token code declared observed observed_at"),
    "UsageRecord": Table(
        kept="id store subscription event quantity at external_id state maybe_sent is_corrected "
        "attempts recorded_at due_at claimed_until settled_at",
        replaced="reason",
        # By its key a record is known again that comes twice.
        searched="key",
    ),
    "WebhookDelivery": Table(
        # Its digest knows the body again when it comes a second time.
        kept="id endpoint event_id event event_at received_at order_id body_sha256 version "
        "key_reading used_previous_secret conflicts state attempts next_attempt_at enqueued_at "
        "finished_at headers",
        replaced="last_error",
        scrubbed="payload",
    ),
    "WebhookEndpoint": Table(
        kept="id store enabled secret secret_hint secret_set_at previous_secret "
        "previous_secret_hint previous_valid_until v1_allowed_until registration url remote_id "
        "previous_remote_id event_types signature_version compared_at key_reading "
        "last_verified_at added_at",
        searched="label drift strays",
    ),
}
