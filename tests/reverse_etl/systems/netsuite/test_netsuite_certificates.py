"""NetSuite is asked with a certificate's key instead of a token, where that is how it lets us in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from ledger_stand_in import LedgerStandIn
from netsuite_books import CREDENTIALS, Books

from reverse_etl.errors import ConfigurationError, DestinationError

Install = Callable[..., Books]


def pem(key: PrivateKeyTypes) -> tuple[str, str]:
    """Private and public key as text."""
    public = key.public_key()
    assert not isinstance(public, bytes)
    return (
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    )


@pytest.mark.parametrize("kind", ["rsa", "curve"])
def test_a_signed_assertion_is_given_an_access_token(kind: str, tmp_path: Path, install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    private, public = pem(key)
    credentials = CREDENTIALS | {"certificate_id": "our certificate", "public_key": public}
    stand_in = LedgerStandIn("netsuite", tmp_path, headers={"Authorization": "Bearer accountant"}, credentials=credentials).start()
    try:
        monkeypatch.setenv("NETSUITE_PRIVATE_KEY", private)
        own = {"method": "client_assertion", "client_id": "consumer", "certificate_id": "our certificate"}
        installation = install(url=stand_in.url, authorization=own).installation
        installation.customer()
        installation.entry("certified")
        assert (installation.push().verified, installation.exceptions()) == (2, [])

        for refused in (own | {"certificate_id": "another"}, own | {"client_id": "another"}, own | {"scope": "restlets"}):
            with pytest.raises(DestinationError, match="no access token: the token endpoint answered HTTP 400") as caught:
                install(url=stand_in.url, authorization=refused).installation.open().ping()
            assert private.splitlines()[1] not in str(caught.value)
        monkeypatch.setenv("NETSUITE_PRIVATE_KEY", pem(ec.generate_private_key(ec.SECP256R1()))[0])
        with pytest.raises(DestinationError, match="no access token"):
            install(url=stand_in.url, authorization=own).installation.open().ping()
    finally:
        stand_in.stop()


@pytest.mark.parametrize("secret", ["no key at all", pem(ec.generate_private_key(ec.SECP256K1()))[0]])
def test_a_secret_that_is_no_such_key_is_refused_without_being_quoted(install: Install, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    monkeypatch.setenv("NETSUITE_PRIVATE_KEY", secret)
    own = {"method": "client_assertion", "client_id": "consumer", "certificate_id": "our certificate"}
    with pytest.raises(ConfigurationError, match="no PEM text of an RSA or elliptic curve key") as caught:
        install(authorization=own).installation.open()
    assert secret.strip().splitlines()[-1] not in str(caught.value)
