"""The one exception a user is meant to read."""


class LabError(Exception):
    """A problem the user can mend. Its text is one sentence: what is wrong, where (file, line, field), what to do.

    The command line prints it after ``error:`` and leaves with exit code 2, without a traceback.
    """
