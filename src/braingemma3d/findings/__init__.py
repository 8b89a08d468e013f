"""Findings: the schema, and the extractor that reads them out of a report."""
