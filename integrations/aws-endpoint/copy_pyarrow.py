"""Copy many files up and down again: `python copy_pyarrow.py s3://BUCKET/PREFIX COUNT`."""

import sys
from concurrent.futures import ThreadPoolExecutor

from pyarrow import fs

s3, place = fs.FileSystem.from_uri(sys.argv[1].rstrip("/"))


def copy(number: int) -> None:
    body = f"{number}\n".encode() * 500
    with s3.open_output_stream(f"{place}/{number}") as target:
        target.write(body)
    with s3.open_input_stream(f"{place}/{number}") as source:
        assert source.read() == body


with ThreadPoolExecutor(5) as workers:
    list(workers.map(copy, range(int(sys.argv[2]))))
