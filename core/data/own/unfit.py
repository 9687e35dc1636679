"""What is wrong with one item of a source: it is left out and told, where a whole source would be refused."""


class Unfit(Exception):
    """An item that cannot be used; the text is the end of a sentence about it ("is 0 bytes long")."""
