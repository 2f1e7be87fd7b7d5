"""Tables: one model, and the same numbers in every format."""

from recse_lab.reports.tables.csv import comma_separated as comma_separated
from recse_lab.reports.tables.html import shown as shown
from recse_lab.reports.tables.latex import latex as latex
from recse_lab.reports.tables.markdown import markdown as markdown
from recse_lab.reports.tables.model import Cell as Cell
from recse_lab.reports.tables.model import Column as Column
from recse_lab.reports.tables.model import Row as Row
from recse_lab.reports.tables.model import Table as Table
from recse_lab.reports.tables.model import printed as printed
from recse_lab.reports.tables.terminal import rich_table as rich_table
