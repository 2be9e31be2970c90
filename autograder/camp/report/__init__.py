"""The class report: tables as CSV, one HTML page with plots, and a table for the terminal."""

from camp.report.page import write_report
from camp.report.tables import COLUMNS, class_table, grades_csv, verdicts

__all__ = ["COLUMNS", "class_table", "grades_csv", "verdicts", "write_report"]
