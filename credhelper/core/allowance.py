"""An allowance of seconds: what all waits of one kind share in one call."""


class Allowance:
    """Seconds to wait, fewer with each wait.

    Attributes:
    - left: seconds.
    """

    __slots__ = ("_all", "left")

    def __init__(self, seconds: float) -> None:
        self._all = self.left = seconds

    def spend(self, seconds: float) -> None:
        """Take `seconds` away."""
        self.left = max(0.0, self.left - seconds)

    def begin(self) -> None:
        """Have all seconds again, for another call."""
        self.left = self._all
