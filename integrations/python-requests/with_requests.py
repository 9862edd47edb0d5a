"""Read pages of a protected API for as long as it takes: with_requests.py COUNT SECONDS-BETWEEN."""

import sys
import time

import requests

import credhelper

API = "https://api.example.org"

credentials = credhelper.Credentials(service=API)

with requests.Session() as session:
    session.auth = credentials.auth
    for number in range(int(sys.argv[1])):
        answer = session.get(f"{API}/pages/{number}", timeout=30)
        answer.raise_for_status()
        print(answer.json()["page"])
        time.sleep(float(sys.argv[2]))
