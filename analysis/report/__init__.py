"""The report of a study: one HTML page that opens anywhere, a summary in Markdown, the front as a picture, trials as CSV."""

from analysis.report.elements.options import Setup
from analysis.report.page import Report, ReportContent, check_report_place, report_content, report_html, write_report

__all__ = ["Report", "ReportContent", "Setup", "check_report_place", "report_content", "report_html", "write_report"]
