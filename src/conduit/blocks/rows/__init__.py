"""One block over many rows: local, in processes or on Ray, resumable, in bounded memory."""

from conduit.blocks.rows.mapping import MapOptions, Rows, map_rows
from conduit.blocks.rows.progress import Progress
from conduit.blocks.rows.results import Outputs, Results
from conduit.blocks.rows.row import Row, RowError
from conduit.blocks.rows.sinks import Written
from conduit.blocks.rows.sources import (
    Source,
    read_csv,
    read_files,
    read_jsonl,
    read_lines,
    read_parquet,
)
from conduit.blocks.rows.tables import read_table

__all__ = [
    "MapOptions",
    "Outputs",
    "Progress",
    "Results",
    "Row",
    "RowError",
    "Rows",
    "Source",
    "Written",
    "map_rows",
    "read_csv",
    "read_files",
    "read_jsonl",
    "read_lines",
    "read_parquet",
    "read_table",
]
