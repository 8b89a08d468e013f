"""Simulated patients: a deformed atlas with FLAIR contrast, a tumour, exact truth and a report written from it."""
