"""The fake server's errors."""


class HttpError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
