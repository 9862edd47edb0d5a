"""Copy a folder up and down again with boto3: python upload.py FROM s3://BUCKET/PREFIX TO."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3

source, target = Path(sys.argv[1]), Path(sys.argv[3])
bucket, _, prefix = sys.argv[2].removeprefix("s3://").partition("/")
# One session asks credhelper for keys, and again before they end.
s3 = boto3.Session(profile_name="illumina").client("s3")


def up(path: Path) -> None:
    s3.upload_file(str(path), bucket, prefix + path.name)


def down(path: Path) -> None:
    s3.download_file(bucket, prefix + path.name, str(target / path.name))


target.mkdir(exist_ok=True)
with ThreadPoolExecutor(10) as workers:
    for step in (up, down):
        list(workers.map(step, source.iterdir()))
