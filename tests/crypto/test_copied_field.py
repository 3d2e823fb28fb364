"""A package that keeps histories copies every field: that is said before, and when it fails."""

from __future__ import annotations

import copy

import pytest
from django.db import models
from django.test.utils import isolate_apps

from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import Tampered
from pandabase_django.models import ApiToken, Store

pytestmark = pytest.mark.django_db


def test_a_copied_field_is_an_error_that_names_the_way_out() -> None:
    store = Store.objects.create(pk="shp_kept")
    token = ApiToken.objects.create(
        store=store, mode="BEARER", base_url="https://x.example", secret=Secret("sk_0123456789")
    )
    with isolate_apps("pandabase_django"):

        class Original(models.Model):
            secret = copy.copy(ApiToken._meta.get_field("secret"))

            class Meta:
                app_label = "pandabase"

            def __str__(self) -> str:
                return ""

        class Remembered(models.Model):
            secret = copy.copy(ApiToken._meta.get_field("secret"))
            store_id = models.TextField()
            base_url = models.TextField()
            secret_hint = models.TextField()

            class Meta:
                app_label = "pandabase"

            def __str__(self) -> str:
                return ""

        (error,) = [e for e in Remembered.check() if e.id == "pandabase.E103"]
        assert "pandabase.Original" in error.msg
        assert 'excluded_fields=["secret"]' in str(error.hint)
        assert [e.id for e in Original.check() if e.id == "pandabase.E103"] == []
        row = Remembered(secret=token.secret, store_id=store.pk, base_url=token.base_url)
        with pytest.raises(Tampered, match="is a copy of another row"):
            row.save()


def test_our_own_fields_are_no_copies() -> None:
    assert [e for e in ApiToken.check() if e.id == "pandabase.E103"] == []
