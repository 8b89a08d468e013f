"""From a scan to a report: the pipeline, the report itself, and what is written of it."""
