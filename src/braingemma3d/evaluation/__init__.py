"""Evaluation: text, keyword and finding-level metrics with intervals, beside systems that never see the scan."""
