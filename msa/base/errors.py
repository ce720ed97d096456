"""The one error a user is meant to read."""


class InputError(Exception):
    """Bad input: the message says where, what was expected, what was found and what to do.

    `python -m msa` prints it as one line on standard error and exits with 1.
    """
