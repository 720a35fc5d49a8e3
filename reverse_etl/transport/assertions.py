"""How a client of OAuth 2.0 proves itself with the key of a certificate instead of a secret (RFC 7523)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from reverse_etl.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_SECONDS = 300
_BY_CURVE = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, slots=True)
class ClientKey:
    """``private_key`` is PEM text, ``certificate_id`` what the server calls its certificate."""

    client_id: str
    certificate_id: str
    private_key: SecretStr
    algorithm: str

    def assertion(self, token_url: str, scope: str | None, now: float) -> SecretStr:
        """A token that is good for one request for an access token; ``now`` in seconds since the epoch."""
        import jwt

        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": token_url,
            "iat": int(now),
            "exp": int(now) + LIFETIME_SECONDS,
            "jti": secrets.token_hex(16),
        } | ({"scope": scope} if scope else {})
        key = self.private_key.get_secret_value()
        return SecretStr(jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": self.certificate_id}))


def client_key(client_id: str, certificate_id: str, private_key: SecretStr, whose: str) -> ClientKey:
    """The key with the algorithm that fits it: RSA signs with PS256, elliptic curves with theirs.

    Raises:
        ConfigurationError: the libraries for it are not installed, or it is no such key.
    """
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise ConfigurationError(f"{whose}: signing with a certificate needs the extra 'certificates': pip install 'tieout[certificates]'") from error
    try:
        algorithm = _algorithm(load_pem_private_key(private_key.get_secret_value().encode(), password=None))
    except (ValueError, TypeError) as error:
        # Not the error's own words, which might quote the key.
        raise ConfigurationError(f"{whose}: the secret 'private_key' is no PEM text of an RSA or elliptic curve key without a password") from error
    return ClientKey(client_id, certificate_id, private_key, algorithm)


def _algorithm(key: PrivateKeyTypes) -> str:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(key, RSAPrivateKey):
        return "PS256"
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _BY_CURVE:
        return _BY_CURVE[key.curve.name]
    raise ValueError("neither RSA nor one of the curves")
