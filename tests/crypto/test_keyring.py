"""The seal opens at its place with its key, and nowhere and with nothing else."""

from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pandabase_django.crypto.keyring import (
    Keyring,
    SealContext,
    current_keyring,
    generate_key,
    key_id_of,
)
from pandabase_django.crypto.secret import Secret
from pandabase_django.exceptions import ConfigurationError, KeysMissing, Tampered, UnknownKey

# Fixed for ever: whoever changes the format can no longer open what shops have stored.
GOLDEN_KEY = "pbk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
GOLDEN_CONTEXT = SealContext(
    "token.secret",
    "0d4b7e5e-0000-4000-8000-000000000001",
    (("store_id", "shp_golden"), ("base_url", "https://api.pandabase.io")),
)
GOLDEN_SEALED = (
    "pb1.041d398fa0e5f6e3.OcBmdES2JD9FGqfU6tPB8Lr86wME-mqzwpvPGb1f--RRCXiNdYKSO8IUrwFrBVe72Q"
)
GOLDEN_TEXT = "sk_test_golden_secret"

CONTEXT = SealContext("token.secret", "1", (("store_id", "shp_a"), ("base_url", "https://a")))
RING = Keyring.from_texts([generate_key()])


def test_a_golden_sealed_token_opens_for_ever() -> None:
    ring = Keyring.from_texts([GOLDEN_KEY])
    assert ring.open(GOLDEN_SEALED, context=GOLDEN_CONTEXT) == GOLDEN_TEXT


@given(st.text(max_size=200))
def test_what_is_sealed_opens_again(text: str) -> None:
    assert RING.open(RING.seal(Secret(text), context=CONTEXT), context=CONTEXT) == text


def test_two_seals_of_one_text_differ() -> None:
    assert RING.seal(Secret("x"), context=CONTEXT) != RING.seal(Secret("x"), context=CONTEXT)


@pytest.mark.parametrize(
    "other",
    [
        SealContext("rotation.reply", "1", CONTEXT.bound),
        SealContext("token.secret", "2", CONTEXT.bound),
        SealContext("token.secret", "1", ()),
        SealContext("token.secret", "1", (("store_id", "shp_b"), ("base_url", "https://a"))),
        SealContext("token.secret", "1", (("store_id", "shp_a"), ("base_url", "https://b"))),
        SealContext("token.secret", "1", tuple(reversed(CONTEXT.bound))),
        # The same characters with the borders elsewhere.
        SealContext("token.secret", "1", (("store_id", "shp_abase_url"), ("", "https://a"))),
        SealContext("token.secret1", "", CONTEXT.bound),
    ],
)
def test_a_seal_does_not_open_anywhere_else(other: SealContext) -> None:
    sealed = RING.seal(Secret("sk_x"), context=CONTEXT)
    with pytest.raises(Tampered):
        RING.open(sealed, context=other)


def test_every_flipped_bit_is_noticed() -> None:
    sealed = RING.seal(Secret("sk_x"), context=CONTEXT)
    head, _, tail = sealed.rpartition(".")
    blob = base64.urlsafe_b64decode(tail + "=" * (-len(tail) % 4))
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        text = base64.urlsafe_b64encode(bytes(flipped)).rstrip(b"=").decode()
        with pytest.raises(Tampered):
            RING.open(f"{head}.{text}", context=CONTEXT)


def test_every_changed_character_is_noticed() -> None:
    sealed = RING.seal(Secret("sk_x"), context=CONTEXT)
    for place, character in enumerate(sealed):
        for other in string.ascii_letters[:4] + "09-_.=\n":
            if other != character:
                changed = sealed[:place] + other + sealed[place + 1 :]
                with pytest.raises((Tampered, UnknownKey)):
                    RING.open(changed, context=CONTEXT)


def test_every_truncation_and_every_addition_is_noticed() -> None:
    sealed = RING.seal(Secret("sk_x"), context=CONTEXT)
    for length in range(len(sealed)):
        with pytest.raises((Tampered, UnknownKey)):
            RING.open(sealed[:length], context=CONTEXT)
    for more in ("A", "=", "\n", " ", "."):
        with pytest.raises(Tampered):
            RING.open(sealed + more, context=CONTEXT)


def test_the_first_key_seals_and_all_open() -> None:
    old, new = generate_key(), generate_key()
    sealed = Keyring.from_texts([old]).seal(Secret("sk_x"), context=CONTEXT)
    ring = Keyring.from_texts([new, old])
    assert ring.open(sealed, context=CONTEXT) == "sk_x"
    assert key_id_of(sealed) != ring.primary_key_id
    assert key_id_of(ring.seal(Secret("sk_x"), context=CONTEXT)) == ring.primary_key_id


def test_a_removed_key_is_named_and_a_missing_one_told() -> None:
    old = Keyring.from_texts([generate_key()])
    sealed = old.seal(Secret("sk_x"), context=CONTEXT)
    with pytest.raises(UnknownKey) as caught:
        RING.open(sealed, context=CONTEXT)
    assert caught.value.key_id == old.primary_key_id
    for use in (
        lambda: Keyring.from_texts([]).open(sealed, context=CONTEXT),
        lambda: Keyring.from_texts([]).seal(Secret("sk_x"), context=CONTEXT),
    ):
        with pytest.raises(KeysMissing):
            use()


@pytest.mark.parametrize(
    "bad", ["", "pbk1_", "pbk1_short", "secret", GOLDEN_KEY + "A", GOLDEN_KEY[:-1], "PBK1_x"]
)
def test_a_malformed_key_is_refused_and_not_repeated(bad: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Keyring.from_texts([GOLDEN_KEY, bad])
    assert "Key 2" in str(caught.value)
    assert len(bad) < 6 or bad not in str(caught.value)


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        Keyring.from_texts([GOLDEN_KEY, GOLDEN_KEY])


def test_keys_are_read_anew_at_each_use(settings: object) -> None:
    before = current_keyring().primary_key_id
    settings.PANDABASE = {"ENCRYPTION_KEYS": [GOLDEN_KEY]}  # type: ignore[attr-defined]
    assert current_keyring().primary_key_id != before


def test_a_lone_surrogate_is_sealed_and_no_error_carries_it() -> None:
    assert RING.open(RING.seal(Secret("sk_\ud800"), context=CONTEXT), context=CONTEXT)
