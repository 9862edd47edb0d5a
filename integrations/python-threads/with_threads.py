"""Read pages of a protected API in twenty threads: with_threads.py PAGES SECONDS-FOR-EACH."""

import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import credhelper

API = "https://api.example.org"


def read(number: int) -> int:
    request = urllib.request.Request(f"{API}/pages/{number}")
    request.add_header("Authorization", f"Bearer {credhelper.get_token(service=API)}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    time.sleep(float(sys.argv[2]))
    return number


with ThreadPoolExecutor(20) as pool:
    for number in pool.map(read, range(int(sys.argv[1]))):
        print(number)
