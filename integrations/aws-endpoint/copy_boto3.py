"""Copy many files up and down again: `python copy_boto3.py s3://BUCKET/PREFIX COUNT`."""

import sys
from concurrent.futures import ThreadPoolExecutor

import boto3

bucket, _, prefix = sys.argv[1].removeprefix("s3://").partition("/")
s3 = boto3.client("s3")


def copy(number: int) -> None:
    body = f"{number}\n".encode() * 500
    s3.put_object(Bucket=bucket, Key=f"{prefix}{number}", Body=body)
    assert s3.get_object(Bucket=bucket, Key=f"{prefix}{number}")["Body"].read() == body


with ThreadPoolExecutor(5) as workers:
    list(workers.map(copy, range(int(sys.argv[2]))))
