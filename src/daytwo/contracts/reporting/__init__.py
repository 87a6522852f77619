"""What a validation came to, for people and for CI.

sheet.py          what stands on a page; page.py: as HTML
export_junit.py   as tests that CI shows
export_table.py   rows and cells as files that no spreadsheet runs
"""
