"""Seals text to one place in the database, and opens it only there.

Stored form: ``pb1.<key id, 16 hex>.<base64url(nonce ‖ ciphertext ‖ tag)>``, AES-256-GCM. Key id and
encryption key are derived from the master key by HKDF-SHA256. The associated data names the
version, the key id, the purpose, the row and the columns the secret is bound to, each with its
length before it, so that no two places have the same associated data.

Plaintext is passed on directly and never bound to a local name that a traceback could show.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pandabase_django.conf import conf
from pandabase_django.crypto.secret import ENCODING, Secret
from pandabase_django.exceptions import ConfigurationError, KeysMissing, Tampered, UnknownKey

__all__ = [
    "SEALED_PREFIX",
    "Keyring",
    "SealContext",
    "current_keyring",
    "generate_key",
    "is_sealed",
    "key_id_of",
]

SEALED_PREFIX = "pb1."
KEY_PREFIX = "pbk1_"
KEY_BYTES = 32
NONCE_BYTES = 12
FINGERPRINT_CHARACTERS = 32
LOOKUP_CHARACTERS = 40

_SEALED = re.compile(r"pb1\.([0-9a-f]{16})\.([A-Za-z0-9_-]{38,})\Z")


@dataclass(frozen=True, slots=True)
class SealContext:
    """The one place where a sealed text may be opened.

    Attributes:
        purpose: A constant of the field.
        pk: The row's primary key.
        bound: Names and values of further columns the secret depends on.
    """

    purpose: str
    pk: str
    bound: tuple[tuple[str, str], ...] = ()


def generate_key() -> str:
    """A new master key: ``pbk1_`` and 32 random bytes in base64url."""
    return KEY_PREFIX + _encode(os.urandom(KEY_BYTES))


def is_sealed(text: object) -> bool:
    """Whether a text has the stored form. Says nothing of its key or integrity."""
    return isinstance(text, str) and _SEALED.match(text) is not None


def key_id_of(sealed: str) -> str:
    """The id of the key a text was sealed with.

    Raises:
        Tampered: The text has not the stored form.
    """
    match = _SEALED.match(sealed)
    if match is None:
        raise Tampered("The stored secret has not the form of a sealed text.")
    return match.group(1)


class _MasterKey:
    __slots__ = ("_cipher", "_fingerprint_key", "_lookup_key", "key_id")

    def __init__(self, material: bytes) -> None:
        self.key_id = _derive(material, b"pandabase-django key id", 8).hex()
        self._cipher = AESGCM(_derive(material, b"pandabase-django encryption key", 32))
        self._fingerprint_key = _derive(material, b"pandabase-django fingerprint key", 32)
        self._lookup_key = _derive(material, b"pandabase-django lookup key", 32)

    def seal(self, secret: Secret, aad: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.reveal().encode(*ENCODING), aad)

    def open(self, blob: bytes, aad: bytes) -> str:
        return self._cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], aad).decode(*ENCODING)

    def fingerprint(self, secret: Secret) -> str:
        return hmac.new(
            self._fingerprint_key, secret.reveal().encode(*ENCODING), hashlib.sha256
        ).hexdigest()[:FINGERPRINT_CHARACTERS]

    def lookup_hash(self, secret: Secret) -> str:
        made = hmac.new(self._lookup_key, secret.reveal().encode(*ENCODING), hashlib.sha256)
        return f"{self.key_id}.{made.hexdigest()[:LOOKUP_CHARACTERS]}"

    def __repr__(self) -> str:
        return f"<key {self.key_id}>"


class Keyring:
    """The configured master keys; the first seals, all open."""

    def __init__(self, keys: Sequence[_MasterKey]) -> None:
        self._keys = tuple(keys)
        self._by_id = {key.key_id: key for key in self._keys}

    @classmethod
    def from_texts(cls, texts: Sequence[str]) -> Keyring:
        """Read keys as ``generate_key`` writes them.

        Raises:
            ConfigurationError: One is malformed or given twice; names its place, not its text.
        """
        keys, problem = _master_keys(texts)
        # Reports show the variables of every frame that an error went through.
        del texts
        if problem:
            raise ConfigurationError(problem)
        return cls(keys)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Ids of all keys, the sealing one first."""
        return tuple(key.key_id for key in self._keys)

    @property
    def primary_key_id(self) -> str:
        """Id of the key that seals.

        Raises:
            KeysMissing: There is none.
        """
        return self._primary().key_id

    def seal(self, secret: Secret, *, context: SealContext) -> str:
        """Seal a secret to its place.

        Raises:
            KeysMissing: No key is configured.
        """
        key = self._primary()
        return f"pb1.{key.key_id}.{_encode(key.seal(secret, _aad(key.key_id, context)))}"

    def open(self, sealed: str, *, context: SealContext) -> str:
        """The text that was sealed to this place.

        Raises:
            KeysMissing: No key is configured.
            UnknownKey: It was sealed with a key that is not configured.
            Tampered: It is damaged, or belongs to another place.
        """
        self._primary()
        key_id = key_id_of(sealed)
        key = self._by_id.get(key_id)
        if key is None:
            raise UnknownKey(
                f"This secret was sealed with key {key_id}, which is not among "
                'PANDABASE["ENCRYPTION_KEYS"].',
                key_id=key_id,
            )
        blob = _decode(sealed.rpartition(".")[2])
        if blob is None:
            raise Tampered("The stored secret is damaged.")
        try:
            return key.open(blob, _aad(key_id, context))
        except (InvalidTag, ValueError):
            raise Tampered(
                "The stored secret is damaged, or it was sealed for another row or column."
            ) from None

    def fingerprint(self, secret: Secret) -> str:
        """32 hex characters that differ for two secrets, and reveal nothing without the key.

        They change with the first key.

        Raises:
            KeysMissing: There is no key.
        """
        return self._primary().fingerprint(secret)

    def lookup_hash(self, secret: Secret) -> str:
        """What a row keeps of a secret to be found by it: the first key's id, and its keyed hash.

        Raises:
            KeysMissing: There is no key.
        """
        return self._primary().lookup_hash(secret)

    def lookup_hashes(self, secret: Secret) -> tuple[str, ...]:
        """What rows may have kept of a secret, by each of the keys.

        Raises:
            KeysMissing: There is no key.
        """
        self._primary()
        return tuple(key.lookup_hash(secret) for key in self._keys)

    def _primary(self) -> _MasterKey:
        if not self._keys:
            raise KeysMissing(
                'PANDABASE["ENCRYPTION_KEYS"] is empty. Make a key with '
                "`manage.py pandabase_generate_key` and put it there."
            )
        return self._keys[0]


def current_keyring() -> Keyring:
    """The keyring of the settings as they are now.

    Raises:
        ConfigurationError: A key is malformed or given twice.
    """
    return _keyring(conf.encryption_keys)


# Not a function of ours, whose frame would hold the texts when one is malformed.
_keyring = lru_cache(maxsize=8)(Keyring.from_texts)


def _aad(key_id: str, context: SealContext) -> bytes:
    parts = ["pb1", key_id, context.purpose, context.pk]
    for name, value in context.bound:
        parts += [name, value]
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def _derive(material: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label).derive(material)


def _master_keys(texts: Sequence[str]) -> tuple[list[_MasterKey], str]:
    """The keys, and what is wrong with the first wrong one. Raises nothing."""
    keys: list[_MasterKey] = []
    for place, text in enumerate(texts, start=1):
        blob = None
        if isinstance(text, str) and text.startswith(KEY_PREFIX):
            blob = _decode(text[len(KEY_PREFIX) :])
        if blob is None or len(blob) != KEY_BYTES:
            return [], (
                f'Key {place} of PANDABASE["ENCRYPTION_KEYS"] is malformed. A key is made by '
                "`manage.py pandabase_generate_key` and starts with pbk1_."
            )
        keys.append(_MasterKey(blob))
    if len({key.key_id for key in keys}) != len(keys):
        return [], 'PANDABASE["ENCRYPTION_KEYS"] holds a key twice.'
    return keys, ""


def _encode(blob: bytes) -> str:
    return base64.urlsafe_b64encode(blob).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """Bytes of unpadded base64url in its one canonical spelling, else None."""
    try:
        blob = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    # Base64 has spare bits: another spelling of the same bytes is a changed text all the same.
    return blob if _encode(blob) == text else None
