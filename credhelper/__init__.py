"""credhelper: short-lived tokens for tools that ask for them."""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from credhelper import aws, errors, libica
    from credhelper.aws import boto3_session
    from credhelper.credentials import Credentials
    from credhelper.inprocess import get_token

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
    if name == "aws":
        import credhelper.aws

        return credhelper.aws
    if name == "libica":
        import credhelper.libica

        return credhelper.libica
    # What is bound here is found without us the next time.
    if name == "get_token":
        from credhelper.inprocess import get_token

        globals()[name] = get_token
        return get_token
    if name == "Credentials":
        from credhelper.credentials import Credentials

        globals()[name] = Credentials
        return Credentials
    if name == "boto3_session":
        from credhelper.aws import boto3_session

        globals()[name] = boto3_session
        return boto3_session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
