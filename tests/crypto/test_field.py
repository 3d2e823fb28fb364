"""Plain text can't get into the column, and no way out of it shows plain text."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import uuid
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Value
from django.test import TestCase

from pandabase_django.crypto.keyring import generate_key
from pandabase_django.crypto.reseal import reseal, stored_key_ids
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import Tampered, UnknownKey
from pandabase_django.models import ApiToken, Store
from tests.crypto.conftest import PLAIN

pytestmark = pytest.mark.django_db


def make(**changes: Any) -> ApiToken:
    values = {
        "store_id": "shp_seal",
        "name": "Other",
        "mode": "BEARER",
        "base_url": "https://api.pandabase.io",
        "secret": Secret(PLAIN),
        **changes,
    }
    return ApiToken(**values)


def stored(token: ApiToken) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM pandabase_apitoken WHERE id = %s", [raw_pk(token)])
        return str(cursor.fetchone()[0])


def raw_pk(token: ApiToken) -> Any:
    return token.pk if connection.features.has_native_uuid_field else token.pk.hex


def test_the_column_holds_sealed_text_and_the_handle_opens_it(token: ApiToken) -> None:
    assert stored(token).startswith("pb1.")
    assert PLAIN not in stored(token)
    assert token.secret.reveal() == PLAIN
    assert token.secret_hint == "••••" + PLAIN[-4:]


@pytest.mark.parametrize("plain", [PLAIN, b"sk_x", 5, "pb1.0123456789abcdef." + "A" * 60])
def test_text_is_refused_by_constructor_and_assignment(token: ApiToken, plain: Any) -> None:
    with pytest.raises(TypeError) as caught:
        make(secret=plain)
    assert str(plain) not in str(caught.value)
    with pytest.raises(TypeError):
        token.secret = plain
    with pytest.raises(TypeError):
        ApiToken.objects.create(store_id="shp_seal", secret=plain)


@pytest.mark.parametrize("value", [PLAIN, Secret(PLAIN), F("name"), Value(PLAIN)])
def test_a_query_can_not_write_it(token: ApiToken, value: Any) -> None:
    before = stored(token)
    with pytest.raises((TypeError, FieldError, IntegrityError)), transaction.atomic():
        ApiToken.objects.update(secret=value)
    assert stored(token) == before


def test_bulk_create_seals_and_bulk_update_is_refused(token: ApiToken) -> None:
    (made,) = ApiToken.objects.bulk_create([make()])
    assert ApiToken.objects.get(pk=made.pk).secret.reveal() == PLAIN
    before = stored(token)
    token.secret = Secret("sk_test_another_secret_text")
    with pytest.raises((TypeError, ValueError, FieldError)), transaction.atomic():
        ApiToken.objects.bulk_update([token], ["secret"])
    assert stored(token) == before


@pytest.mark.parametrize("lookup", ["secret", "secret__exact", "secret__startswith", "secret__in"])
def test_nothing_but_isnull_can_be_asked(token: ApiToken, lookup: str) -> None:
    with pytest.raises((FieldError, TypeError)):
        ApiToken.objects.filter(**{lookup: PLAIN}).exists()
    assert ApiToken.objects.filter(secret__isnull=False).count() == 1


@pytest.mark.parametrize("text", [PLAIN, "", "pb2.x"])
def test_raw_sql_can_not_store_plain_text(token: ApiToken, text: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE pandabase_apitoken SET secret = %s", [text])


def test_values_lists_and_deferred_rows_show_no_text(token: ApiToken) -> None:
    rows = [
        list(ApiToken.objects.values("secret")),
        list(ApiToken.objects.values_list("secret", flat=True)),
    ]
    for shown in rows:
        assert PLAIN not in repr(shown)
        assert "pb1." not in repr(shown)
    assert ApiToken.objects.defer("secret").get().secret.reveal() == PLAIN
    assert ApiToken.objects.only("name").get().secret.reveal() == PLAIN
    token.refresh_from_db()
    assert token.secret.reveal() == PLAIN


def test_a_row_that_was_cloned_moved_or_pointed_elsewhere_does_not_open(token: ApiToken) -> None:
    Store.objects.create(id="shp_other")
    for column, value in (("base_url", "https://evil.example"), ("store_id", "shp_other")):
        old = getattr(token, column)
        ApiToken.objects.filter(pk=token.pk).update(**{column: value})
        with pytest.raises(Tampered):
            ApiToken.objects.get(pk=token.pk).secret.reveal()
        ApiToken.objects.filter(pk=token.pk).update(**{column: old})
        edited = ApiToken.objects.get(pk=token.pk)
        assert edited.secret
        setattr(edited, column, value)
        with pytest.raises(Tampered), transaction.atomic():
            edited.save()
    clone = ApiToken.objects.get(pk=token.pk)
    assert clone.secret
    clone.pk, clone.role = uuid.uuid4(), "STANDBY"
    with pytest.raises(Tampered), transaction.atomic():
        clone.save(force_insert=True)


def test_ciphertext_swapped_between_rows_does_not_open(token: ApiToken) -> None:
    other = make()
    other.save()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pandabase_apitoken SET secret = %s WHERE id = %s",
            [stored(token), raw_pk(other)],
        )
    with pytest.raises(Tampered):
        ApiToken.objects.get(pk=other.pk).secret.reveal()


def test_saving_again_keeps_the_sealed_text_and_a_new_secret_replaces_it(token: ApiToken) -> None:
    before = stored(token)
    token.save()
    assert stored(token) == before
    token.secret = Secret("sk_test_another_secret_9z9z")
    token.save()
    again = ApiToken.objects.get()
    assert (again.secret.reveal(), again.secret_hint) == (
        "sk_test_another_secret_9z9z",
        "••••9z9z",
    )


def test_cleaning_and_copying_keep_the_handle(token: ApiToken) -> None:
    token.full_clean()
    make(mode="HMAC", token_id="stk_1").full_clean()
    assert copy.deepcopy(token).secret.reveal() == PLAIN
    assert copy.copy(token.secret) is token.secret


def test_fixtures_carry_sealed_text_alone(token: ApiToken, tmp_path: Any) -> None:
    dumped = serializers.serialize("json", ApiToken.objects.all())
    assert PLAIN not in dumped
    assert json.loads(dumped)[0]["fields"]["secret"] == stored(token)
    path = tmp_path / "tokens.json"
    path.write_text(dumped)
    ApiToken.objects.all().delete()
    call_command("loaddata", str(path), verbosity=0)
    assert ApiToken.objects.get().secret.reveal() == PLAIN
    path.write_text(dumped.replace(stored(token), PLAIN))
    with pytest.raises((DeserializationError, TypeError)) as caught:
        call_command("loaddata", str(path), verbosity=0)
    assert PLAIN not in str(caught.value)


def test_no_pickle_no_json_no_repr_of_a_secret(token: ApiToken) -> None:
    for secret in (Secret(PLAIN), token.secret):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            json.dumps({"secret": secret})
        for shown in (repr(secret), str(secret), f"{secret}", f"{secret:>40}"):
            assert PLAIN not in shown
        assert PLAIN not in pprint.pformat(secret)
    with pytest.raises(TypeError):
        pickle.dumps(token)
    assert PLAIN not in pprint.pformat(vars(token))


def test_secrets_of_any_text_are_compared_without_an_error_that_carries_them() -> None:
    text = f"{PLAIN}\ud800"
    assert Secret(text) == Secret(str(text))
    assert Secret(text) != Secret(PLAIN)


def test_no_form_has_the_field() -> None:
    field = ApiToken._meta.get_field("secret")
    assert field.formfield() is None
    assert field.editable is False


class SetUpTestDataWorks(TestCase):
    """Django copies class-level instances deeply for each test."""

    @classmethod
    def setUpTestData(cls) -> None:
        Store.objects.create(id="shp_seal")
        cls.made = make()
        cls.made.save()

    def test_the_handle_survives_the_copy(self) -> None:
        assert self.made.secret.reveal() == PLAIN


class TestReseal:
    """Moving to a new key."""

    @pytest.fixture
    def keys(self, settings: Any) -> tuple[str, str]:
        old, new = settings.PANDABASE["ENCRYPTION_KEYS"][0], generate_key()
        return old, new

    def test_rows_move_to_the_first_key(
        self, token: ApiToken, keys: tuple[str, str], settings: Any
    ) -> None:
        settings.PANDABASE = {"ENCRYPTION_KEYS": [keys[1], keys[0]]}
        assert reseal().resealed == 1
        assert reseal().current == 1
        settings.PANDABASE = {"ENCRYPTION_KEYS": [keys[1]]}
        assert ApiToken.objects.get().secret.reveal() == PLAIN

    def test_without_the_old_key_rows_are_named_and_kept(
        self, token: ApiToken, keys: tuple[str, str], settings: Any
    ) -> None:
        before = stored(token)
        settings.PANDABASE = {"ENCRYPTION_KEYS": [keys[1]]}
        report = reseal()
        assert [(model, pk) for model, pk, _ in report.failed] == [
            ("pandabase.ApiToken", str(token.pk))
        ]
        assert stored(token) == before
        with pytest.raises(UnknownKey):
            ApiToken.objects.get().secret.reveal()

    def test_a_write_in_the_middle_wins(
        self, token: ApiToken, keys: tuple[str, str], settings: Any
    ) -> None:
        field = ApiToken._meta.get_field("secret")
        old = stored(token)
        token.secret = Secret("sk_test_written_meanwhile")
        token.save()
        assert field.swap(ApiToken, token.pk, old=old, new=old) is False
        assert ApiToken.objects.get().secret.reveal() == "sk_test_written_meanwhile"

    def test_an_interruption_leaves_every_row_open(
        self, token: ApiToken, keys: tuple[str, str], settings: Any
    ) -> None:
        for _ in range(4):
            make().save()
        settings.PANDABASE = {"ENCRYPTION_KEYS": [keys[1], keys[0]]}
        seen = 0

        def interrupt() -> None:
            nonlocal seen
            seen += 1
            if seen == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            reseal(on_row=interrupt)
        assert {t.secret.reveal() for t in ApiToken.objects.all()} == {PLAIN}
        report = reseal()
        assert (report.current, report.resealed) == (2, 3)


def test_a_shops_proxy_counts_no_secret_twice(token: ApiToken) -> None:
    class ShopsToken(ApiToken):
        class Meta:
            proxy = True
            app_label = "pandabase"

    try:
        assert list(stored_key_ids().values()) == [1]
        assert reseal().current == 1
    finally:
        del apps.all_models["pandabase"]["shopstoken"]
        apps.clear_cache()
