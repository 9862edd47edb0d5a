"""Read two pages under trio instead of asyncio. Prints them."""

import httpx
import trio

import credhelper

API = "https://api.example.org"

credentials = credhelper.Credentials(service=API)


async def main() -> None:
    async with httpx.AsyncClient(base_url=API, auth=credentials.auth, timeout=60) as client:
        for number in range(2):
            answer = await client.get(f"/pages/{number}")
            print(answer.raise_for_status().json()["page"])


trio.run(main)
