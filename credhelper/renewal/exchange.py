"""New AWS credentials for a token.

The token comes from its own source: it is cached, renewed and shared as for any tool. The caller
knows which API sells the credentials, and passes in `buy`.
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

    A token that the API refuses (401) is rejected, and the next one tried, once.

    Parameters:
    - token: gives a token of the profile.
    - reject: forgets a token that was refused.
    - buy: asks the API for credentials.
    - trace: takes one decision.

    Raises what these raise.
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
