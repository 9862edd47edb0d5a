"""Read many pages of a protected API at once: with_httpx_async.py TIMES SECONDS-BETWEEN."""

import asyncio
import sys

import httpx

import credhelper

API = "https://api.example.org"
AT_ONCE = 20

credentials = credhelper.Credentials(service=API)


async def read(client: httpx.AsyncClient, number: int) -> str:
    answer = await client.get(f"/pages/{number}")
    return str(answer.raise_for_status().json()["page"])


async def main(count: int, between: float) -> None:
    async with httpx.AsyncClient(base_url=API, auth=credentials.auth, timeout=60) as client:
        for first in range(0, count * AT_ONCE, AT_ONCE):
            numbers = range(first, first + AT_ONCE)
            for page in await asyncio.gather(*(read(client, number) for number in numbers)):
                print(page)
            await asyncio.sleep(between)


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
