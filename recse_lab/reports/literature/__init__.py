"""Published gains against the noise of the test sets they were measured on."""

from recse_lab.reports.literature.writing import write_literature

__all__ = ["write_literature"]
