"""The parameter review: first page, details, HTML, Markdown and JSON."""
