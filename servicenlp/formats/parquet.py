"""Parquet, a row group at a time; its schema is kept for writing."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from servicenlp.errors import DataError
from servicenlp.formats.table import Options, Row, Table


def read(path: Path, options: Options, groups: range | None = None) -> Table:
    """Open a Parquet file, or some row groups of it."""
    del options  # nothing to choose: the format says it all
    try:
        with pq.ParquetFile(path) as file:
            schema, chosen = file.schema_arrow, groups or range(file.num_row_groups)
            n_rows = sum(file.metadata.row_group(i).num_rows for i in chosen)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: not a Parquet file. Found: {error}. Export it again.") from error

    def walk() -> Iterator[tuple[Row, str | None]]:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=8192, row_groups=list(chosen)):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield list(row), None

    return Table(str(path), "Parquet", list(schema.names), n_rows, walk, schema=schema)
