"""Copy a folder up, a few files at a time, for as long as it takes: with_boto3.py FOLDER."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import credhelper

session = credhelper.boto3_session()
place = credhelper.aws.place()  # what the profile's credentials are for
s3 = session.client("s3")


def upload(file: Path) -> str:
    key = place["Prefix"] + file.name
    s3.upload_file(str(file), place["Bucket"], key)
    return f"s3://{place['Bucket']}/{key}"


with ThreadPoolExecutor(10) as pool:
    for url in pool.map(upload, sorted(Path(sys.argv[1]).iterdir())):
        print(url)
