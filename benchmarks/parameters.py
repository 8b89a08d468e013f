"""Print the parameter table of each model size as Markdown: ``python benchmarks/parameters.py``."""

from __future__ import annotations

from braingemma3d.model.parameters import parameter_table

tables = {size: parameter_table(size) for size in ("mini", "medgemma")}
print("| component | " + " | ".join(f"`{size}`" for size in tables) + " |")
print("|---|" + "---:|" * len(tables))
for component in tables["mini"]:
    print(f"| {component} | " + " | ".join(f"{table[component]:,}" for table in tables.values()) + " |")
print("| total | " + " | ".join(f"{sum(table.values()):,}" for table in tables.values()) + " |")
