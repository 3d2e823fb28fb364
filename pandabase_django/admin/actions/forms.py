"""The forms that ask for an action, each good once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from pandabase_django.admin.base.nonces import ConfirmedForm, shown_by
from pandabase_django.exceptions import interruptions
from pandabase_django.models import MirrorRow, Product, RemoteAction
from pandabase_django.observing.logs import facts, get_logger
from pandabase_django.services.actions.asking import MAX_REASON_CHARACTERS
from pandabase_django.services.actions.subjects.disputes import (
    LOG,
    MAX_EVIDENCE_CHARACTERS,
    one_kind_of_breaks,
)
from pandabase_django.services.actions.subjects.evidence import compose_evidence
from pandabase_django.services.actions.subjects.plans import INTERVALS, MAX_QUANTITY
from pandabase_django.services.actions.subjects.refunds import RefundCode
from pandabase_django.texts.intervals import interval_text

__all__ = [
    "LATER",
    "NOW",
    "WHEN_CANCELLED",
    "WHEN_CHANGED",
    "ActionForm",
    "CancelForm",
    "ChangePlanForm",
    "EvidenceForm",
    "RefundForm",
    "SettleForm",
]

logger = get_logger(__name__)

MOST_PRODUCTS = 200
NOW, LATER = "now", "later"
# What a person decides by; a form of old terms would set them again.
_TERMS = frozenset(
    ["status", "amount_minor", "currency", "product", "billing_interval", "quantity", "ends_at"]
)
WHEN_CANCELLED = [
    (LATER, _("At the end of the period that is paid for")),
    (NOW, _("At once: access ends now, and open usage is not billed")),
]
WHEN_CHANGED = [
    (NOW, _("Now: what costs more is charged at once, in proportion")),
    (LATER, _("With the next renewal")),
]


class ActionForm(ConfirmedForm):
    """Why it is done; subclasses ask for more."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=MAX_REASON_CHARACTERS,
        help_text=_("The history keeps it for good; Pandabase does not get it."),
    )

    def __init__(self, data: Any = None, *, row: MirrorRow, user: Any) -> None:
        super().__init__(data, user=user, shown=_state_of(row))
        self.row = row

    @property
    def arguments(self) -> dict[str, Any]:
        """What the service is called with."""
        return {"reason": self.cleaned_data["reason"]}

    @property
    def was_followed(self) -> bool:
        """An action of the row was recorded since the page was shown, perhaps by this form."""
        return shown_by(self.data.get("nonce", ""))[-1:] not in ([], [str(self.shown[-1])])

    def shown_anew(self) -> ActionForm:
        """For the row as it is now: typed texts stay, and what is chosen is chosen again."""
        form = type(self)(row=self.row, user=self.user)
        for name, field in form.fields.items():
            if isinstance(field, forms.CharField) and name != "nonce":
                field.initial = self.data.get(name, field.initial)
        return form

    def _reason_last(self) -> None:
        self.order_fields(
            [*(name for name in self.fields if name not in ("reason", "nonce")), "reason", "nonce"]
        )


class RefundForm(ActionForm):
    """What Pandabase is told, too."""

    code = forms.ChoiceField(label=_("What Pandabase is told"), choices=RefundCode.choices)

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._reason_last()

    @property
    def arguments(self) -> dict[str, Any]:
        return {**super().arguments, "code": self.cleaned_data["code"]}


class LogField(forms.CharField):
    """Counts a break as one character, as what is proposed and what the bank takes does."""

    def to_python(self, value: Any) -> str:
        return one_kind_of_breaks(super().to_python(value) or "")


class EvidenceForm(ActionForm):
    """The activity log, proposed by the shop's own code where it has any."""

    text = LogField(
        label=_("Activity log"),
        max_length=MAX_EVIDENCE_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 14, "cols": 80}),
        help_text=_(
            "What the customer did with what was bought, with times: sign-ins, downloads, lessons. "
            "The bank reads it. At most 20,000 characters; it can be sent once."
        ),
    )
    #: Why the shop's code proposes nothing.
    composing_failed = ""

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._reason_last()
        self.fields["reason"].initial = gettext("The order was delivered.")
        if data is None:
            self.fields["text"].initial = self._proposed()

    @property
    def arguments(self) -> dict[str, Any]:
        return {**super().arguments, "text": self.cleaned_data["text"]}

    def _proposed(self) -> str:
        refused = RemoteAction.objects.of(self.row).filter(state=RemoteAction.State.REFUSED)
        before = refused.filter(what=RemoteAction.What.EVIDENCE).first()
        if before is not None and before.parameters.get(LOG):
            return str(before.parameters[LOG])
        try:
            return compose_evidence(self.row)  # type: ignore[arg-type]
        except interruptions():
            raise
        except Exception as error:
            # The shop's own code: its failure must not keep a person from writing by hand.
            logger.exception(
                "Evidence for %s could not be composed.",
                self.row.pk,
                extra=facts(store=self.row.store_id),
            )
            self.composing_failed = type(error).__name__
            return ""


class CancelForm(ActionForm):
    """When it ends."""

    when = forms.ChoiceField(
        label=_("When"),
        widget=forms.RadioSelect,
        choices=WHEN_CANCELLED,
        initial=LATER,
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._reason_last()
        if getattr(self.row, "status", "") == "CANCELLED":
            field = self.fields["when"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  for the type checker
            field.choices = WHEN_CANCELLED[1:]
            field.initial = NOW

    @property
    def arguments(self) -> dict[str, Any]:
        return {**super().arguments, "immediate": self.cleaned_data["when"] == NOW}


class ChangePlanForm(ActionForm):
    """What is subscribed to from then on."""

    product = forms.ModelChoiceField(
        label=_("Product"), queryset=Product.objects.none(), required=False, empty_label=None
    )
    billing_interval = forms.ChoiceField(label=_("Interval"), required=False)
    quantity = forms.IntegerField(
        label=_("Quantity"), min_value=1, max_value=MAX_QUANTITY, required=False
    )
    when = forms.ChoiceField(
        label=_("When"),
        widget=forms.RadioSelect,
        choices=WHEN_CHANGED,
        initial=NOW,
    )

    def __init__(self, data: Any = None, *, row: Any, user: Any) -> None:
        super().__init__(data, row=row, user=user)
        self._reason_last()
        products = self.fields["product"]
        assert isinstance(products, forms.ModelChoiceField)  # noqa: S101
        products.queryset = _plans_beside(row)
        products.initial = row.product_id
        # A browser sends the first choice where none is chosen: the change of another term would
        # change what is not known here, too.
        if not products.queryset.filter(pk=row.product_id).exists():
            products.empty_label = gettext("As it is")
        intervals = self.fields["billing_interval"]
        assert isinstance(intervals, forms.ChoiceField)  # noqa: S101
        known = dict.fromkeys([*INTERVALS, *filter(None, [row.billing_interval])])
        unknown = [] if row.billing_interval else [("", gettext("As it is"))]
        intervals.choices = [*unknown, *((name, interval_text(name)) for name in known)]
        intervals.initial = row.billing_interval
        self.fields["quantity"].initial = row.quantity

    @property
    def arguments(self) -> dict[str, Any]:
        chosen, row = self.cleaned_data, self.row
        changed: dict[str, Any] = {}
        product = chosen.get("product")
        if product is not None and product.pk != getattr(row, "product_id", None):
            changed["product"] = product
        for name in ("billing_interval", "quantity"):
            if chosen.get(name) and chosen[name] != getattr(row, name, None):
                changed[name] = chosen[name]
        return {**super().arguments, **changed, "at_period_end": chosen["when"] == LATER}


class SettleForm(ConfirmedForm):
    """What a person saw in the dashboard."""

    happened = forms.ChoiceField(
        label=_("In the Pandabase dashboard it"),
        widget=forms.RadioSelect,
        choices=[("yes", _("was executed")), ("no", _("was not executed"))],
    )
    reason = forms.CharField(
        label=_("How you know"),
        max_length=MAX_REASON_CHARACTERS,
        help_text=_("The history keeps it for good."),
    )

    def __init__(self, data: Any = None, *, action: RemoteAction, user: Any) -> None:
        super().__init__(data, user=user, shown=["settle", action.pk, action.state])


def _state_of(row: Any) -> list[object]:
    """What the page showed of a row, and its newest action: what a form starts changes that."""
    newest = RemoteAction.objects.of(row).values_list("pk", flat=True).first()
    names = [field.name for field in row._meta.concrete_fields if field.name in _TERMS]
    current = type(row).objects.filter(pk=row.pk).values_list(*names).first()
    return [row._meta.model_name, row.pk, current, newest]


def _plans_beside(row: Any) -> Any:
    """Products that can be subscribed to, and the one that is."""
    of_store = Product.objects.live().filter(store=row.store_id)
    plans = of_store.filter(product_type="SUBSCRIPTION", status="ACTIVE").order_by("title")
    ids = [*plans.values_list("pk", flat=True)[:MOST_PRODUCTS], row.product_id]
    return of_store.filter(pk__in=[pk for pk in ids if pk]).order_by("title", "pk")
