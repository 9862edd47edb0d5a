"""credhelper: short-lived tokens for tools that ask for them."""

from __future__ import annotations

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper.inprocess import get_token

__all__ = ["__version__", "get_token"]


def __getattr__(name: str) -> object:
    # PEP 562: the import of this package must cost a warm get nothing.
    if name == "get_token":
        from credhelper.inprocess import get_token

        return get_token
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
