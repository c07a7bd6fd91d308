"""What a request is refused with: a Matrix error code and a sentence; the private cause stays here (DESIGN §8, rule 5)."""

from typing import Any

from zajil.ports.configuration import Config


class MatrixError(Exception):
    """Answers the request with `status`, `errcode` and `message`; `extra` adds fields of the spec (`retry_after_ms`, `soft_logout` …)."""

    def __init__(self, status: int, errcode: str, message: str, extra: dict[str, Any] | None = None) -> None:
        super().__init__(f"{errcode}: {message}")
        self.status = status
        self.errcode = errcode
        self.message = message
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"errcode": self.errcode, "error": self.message, **(self.extra or {})}


def forbidden(message: str) -> MatrixError:
    return MatrixError(403, "M_FORBIDDEN", message)


def user_locked() -> MatrixError:
    return MatrixError(401, "M_USER_LOCKED", "This account has been locked.", {"soft_logout": True})


def not_found(message: str) -> MatrixError:
    return MatrixError(404, "M_NOT_FOUND", message)


def bad_json(message: str) -> MatrixError:
    return MatrixError(400, "M_BAD_JSON", message)


def invalid_param(message: str) -> MatrixError:
    return MatrixError(400, "M_INVALID_PARAM", message)


def missing_param(message: str) -> MatrixError:
    return MatrixError(400, "M_MISSING_PARAM", message)


def too_large(message: str) -> MatrixError:
    return MatrixError(413, "M_TOO_LARGE", message)


def user_limit_exceeded(config: Config, message: str) -> MatrixError:
    """The account has as much of something as it may; `info_uri` is where people can read on or ask."""
    info_uri = config.support_page or config.base_url
    return MatrixError(403, "M_USER_LIMIT_EXCEEDED", message, {"info_uri": info_uri})


def limit_exceeded(
    retry_after_ms: int, message: str = "Too many requests. Wait a moment and try again."
) -> MatrixError:
    return MatrixError(429, "M_LIMIT_EXCEEDED", message, {"retry_after_ms": retry_after_ms})
