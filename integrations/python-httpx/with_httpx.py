"""Read pages of a protected API for as long as it takes: with_httpx.py COUNT SECONDS-BETWEEN."""

import sys
import time

import httpx

import credhelper

API = "https://api.example.org"

credentials = credhelper.Credentials(service=API)

with httpx.Client(base_url=API, auth=credentials.auth, follow_redirects=True, timeout=30) as client:
    for number in range(int(sys.argv[1])):
        answer = client.get(f"/pages/{number}").raise_for_status()
        print(answer.json()["page"])
        time.sleep(float(sys.argv[2]))
