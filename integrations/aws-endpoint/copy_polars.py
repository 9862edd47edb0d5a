"""Write many tables and read them again: `python copy_polars.py s3://BUCKET/PREFIX COUNT`."""

import sys

import polars as pl

for number in range(int(sys.argv[2])):
    table = pl.DataFrame({"number": [number] * 500})
    table.write_parquet(f"{sys.argv[1]}{number}.parquet")
    assert pl.read_parquet(f"{sys.argv[1]}{number}.parquet").equals(table)
