"""Data: manifests of scans with their reports."""
