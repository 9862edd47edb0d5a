"""Copy a file up and down again with boto3: `python transfer.py FROM s3://BUCKET/KEY TO`."""

import sys

import boto3

source, url, target = sys.argv[1:]
bucket, _, key = url.removeprefix("s3://").partition("/")
s3 = boto3.Session(profile_name="illumina").client("s3")
s3.upload_file(source, bucket, key)
s3.download_file(bucket, key, target)
