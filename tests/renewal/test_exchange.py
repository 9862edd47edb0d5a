"""Token for AWS credentials: what a refused token leads to."""

from __future__ import annotations

import pytest

from credhelper.core.model import AWS, Secret, Token
from credhelper.errors import RejectedError, UnreachableError
from credhelper.renewal import exchange

BOUGHT = Token(Secret("{}"), kind=AWS, issued_at=1, expires_at=2)


class Shop:
    """An API that refuses the tokens in `refused`, and a broker that makes a new one when it can.

    Attributes: `sold`, what tokens were sent; `rejected`, what tokens the broker was told of.
    """

    def __init__(
        self, refused: dict[str, Exception], tokens: tuple[str, ...] = ("one", "two")
    ) -> None:
        self.refused = refused
        self.tokens = list(tokens)
        self.sold: list[str] = []
        self.rejected: list[str] = []

    def reject(self, token: Secret) -> bool:
        self.rejected.append(token.reveal())
        if len(self.tokens) > 1:
            self.tokens.pop(0)
        return True

    def buy(self, token: Secret) -> Token:
        self.sold.append(token.reveal())
        if token.reveal() in self.refused:
            raise self.refused[token.reveal()]
        return BOUGHT

    def renew(self) -> Token:
        return exchange.renew(
            lambda: Secret(self.tokens[0]), self.reject, self.buy, lambda event, **facts: None
        )


def no(status: int) -> RejectedError:
    return RejectedError(f"answered {status}", status=status)


def test_a_token_that_is_taken_is_taken_once() -> None:
    shop = Shop({})
    assert shop.renew() is BOUGHT
    assert (shop.sold, shop.rejected) == (["one"], [])


def test_a_token_that_is_refused_is_rejected_once_and_the_next_one_tried_once() -> None:
    shop = Shop({"one": no(401)})
    assert shop.renew() is BOUGHT
    assert (shop.sold, shop.rejected) == (["one", "two"], ["one"])


def test_a_second_refusal_is_final() -> None:
    shop = Shop({"one": no(401), "two": no(401)}, ("one", "two", "three"))
    with pytest.raises(RejectedError, match="401"):
        shop.renew()
    assert (shop.sold, shop.rejected) == (["one", "two"], ["one"])


def test_without_another_token_nothing_is_tried_again() -> None:
    shop = Shop({"one": no(401)}, ("one",))
    with pytest.raises(RejectedError, match="401"):
        shop.renew()
    assert (shop.sold, shop.rejected) == (["one"], ["one"])


@pytest.mark.parametrize(
    "error", [no(400), no(403), no(404), UnreachableError("down", status=503), RejectedError("no")]
)
def test_no_other_trouble_is_put_down_to_the_token(error: Exception) -> None:
    shop = Shop({"one": error})
    with pytest.raises(type(error)):
        shop.renew()
    assert (shop.sold, shop.rejected) == (["one"], [])
