"""Append to a table many times: `python copy_deltalake.py s3://BUCKET/PREFIX COUNT`."""

import sys

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

table, count = f"{sys.argv[1]}table", int(sys.argv[2])
for number in range(count):
    write_deltalake(table, pa.table({"number": [number]}), mode="append")
found = DeltaTable(table)
assert (found.version(), len(found.file_uris())) == (count - 1, count)
