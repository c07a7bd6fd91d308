"""Who sends a Web Push: the server's key, and the tokens signed with it (RFC 8292)."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from zajil.core.signing import encode_base64_url_safe
from zajil.ports.database import Transaction
from zajil.services.app import App

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

KEY_NAME: Final = "web_push_vapid"
TOKEN_LIFETIME_S: Final = 12 * 3600
TOKEN_RENEWED_S: Final = 3600
"""Before it expires."""
TOKENS_MAX: Final = 1_000


class Vapid:
    """The key, made at first need and the same for all processes, and tokens by push service."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._key: EllipticCurvePrivateKey | None = None
        self._tokens: dict[str, tuple[int, str]] = {}

    async def load_key(self) -> "EllipticCurvePrivateKey":
        """The private key."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        if self._key is None:
            made = ec.generate_private_key(ec.SECP256R1())
            encoded = made.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            kept = await self._app.stores.accounts.load_secret(self._app.db.reader, KEY_NAME)
            if kept is None:

                async def store(tx: Transaction) -> bytes:
                    return await self._app.stores.accounts.store_secret(tx, KEY_NAME, encoded)

                kept = await self._app.db.write(store)
            loaded = serialization.load_der_private_key(kept, None)
            if not isinstance(loaded, ec.EllipticCurvePrivateKey):
                raise ValueError("the secret web_push_vapid is not a key for Web Push")
            self._key = loaded
        return self._key

    async def load_public_key(self) -> str:
        """The `applicationServerKey` that browsers want: an uncompressed point in base64url."""
        from cryptography.hazmat.primitives import serialization

        public = (await self.load_key()).public_key()
        point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        return encode_base64_url_safe(point)

    async def build_authorization(self, endpoint: str) -> str:
        """The header for a request to a subscription's endpoint."""
        from joserfc import jwt
        from joserfc.jwk import ECKey

        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        now_s = self._app.clock.now_ms() // 1000
        expires_s, token = self._tokens.get(origin, (0, ""))
        if expires_s < now_s + TOKEN_RENEWED_S:
            from cryptography.hazmat.primitives import serialization

            pem = (await self.load_key()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            expires_s = now_s + TOKEN_LIFETIME_S
            claims = {"aud": origin, "exp": expires_s, "sub": self._find_subject()}
            token = jwt.encode({"alg": "ES256", "typ": "JWT"}, claims, ECKey.import_key(pem))
            if len(self._tokens) >= TOKENS_MAX:
                self._tokens.clear()
            self._tokens[origin] = (expires_s, token)
        return f"vapid t={token}, k={await self.load_public_key()}"

    def _find_subject(self) -> str:
        """Whom a push service may write to about this server."""
        config = self._app.config
        if config.web_push_subject:
            return config.web_push_subject
        if config.base_url.startswith("https://"):
            return config.base_url
        return f"mailto:postmaster@{config.server_name.partition(':')[0]}"
