"""Copy many files up and down again: `python copy_obstore.py s3://BUCKET/PREFIX COUNT`."""

import sys
from concurrent.futures import ThreadPoolExecutor

import obstore
from obstore.store import S3Store

store = S3Store.from_url(sys.argv[1].rstrip("/"))


def copy(number: int) -> None:
    body = f"{number}\n".encode() * 500
    obstore.put(store, str(number), body)
    assert bytes(obstore.get(store, str(number)).bytes()) == body


with ThreadPoolExecutor(5) as workers:
    list(workers.map(copy, range(int(sys.argv[2]))))
