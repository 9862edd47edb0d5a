"""A token for AWS credentials: how they are made anew.

The token comes from its own broker, so that it is cached, renewed and shared like anybody's. Which
API is asked is the caller's affair: `buy` is all that is known of it here.
"""

from __future__ import annotations

from collections.abc import Callable

from credhelper.core.model import Secret, Token
from credhelper.errors import RejectedError


def renew(
    token: Callable[[], Secret],
    reject: Callable[[Secret], bool],
    buy: Callable[[Secret], Token],
    trace: Callable[..., None],
) -> Token:
    """Return new AWS credentials.

    A token that the API refuses (401) is rejected, and the next one tried, once. Parameters:
    `token`, gives a token of the profile; `reject`, tells its broker that it was refused; `buy`,
    asks the API. Raises what these raise.
    """
    first = token()
    try:
        return buy(first)
    except RejectedError as error:
        if error.status != 401:
            raise
        trace("aws", refused=error.status, forgotten=reject(first))
        second = token()
        if second == first:
            raise  # rejects make no more than one token in a while
        return buy(second)
