"""Explanations: which parts of a scan made the model write what it wrote, and whether to believe them."""
