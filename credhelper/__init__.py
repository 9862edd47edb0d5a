"""credhelper: short-lived tokens for tools that ask for them."""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from credhelper import aws, errors, libica
    from credhelper.aws import boto3_session
    from credhelper.inprocess.credentials import Credentials
    from credhelper.inprocess.tokens import get_token

__all__ = [
    "Credentials",
    "__version__",
    "aws",
    "boto3_session",
    "errors",
    "get_token",
    "libica",
]


def __getattr__(name: str) -> object:
    # PEP 562: a warm answer must not pay for what it does not use. Twenty exception classes cost it
    # more than finding the token, so modules of the warm path name them as credhelper.errors.X.
    if name == "errors":
        import credhelper.errors

        return credhelper.errors
    if name in __all__:
        with importing():
            return _loaded(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _loaded(name: str) -> object:
    if name == "aws":
        import credhelper.aws

        return credhelper.aws
    if name == "libica":
        import credhelper.libica

        return credhelper.libica
    # Bound here, the name is found without this function the next time.
    if name == "get_token":
        from credhelper.inprocess.tokens import get_token

        return globals().setdefault(name, get_token)
    if name == "Credentials":
        from credhelper.inprocess.credentials import Credentials

        return globals().setdefault(name, Credentials)
    from credhelper.aws import boto3_session

    return globals().setdefault(name, boto3_session)


def importing() -> "AbstractContextManager[object]":
    """Return the lock to hold while something of ours is imported in a Python program.

    A fork waits for it: in the middle of an import the child would have a module that is never
    finished, and its lock taken.
    """
    lock = globals().get("_importing")
    if lock is None:
        import os
        from _thread import RLock  # what `threading` would import

        lock = RLock()
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )
        # Another thread may have been here: one lock for all.
        lock = globals().setdefault("_importing", lock)
    return lock  # type: ignore[no-any-return]  # it is looked up by name


def __dir__() -> list[str]:
    return __all__
