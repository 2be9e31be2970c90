# ---
# about: Awaits in the cell, and runs a loop of its own in the answer.
# ---
# %% double
import asyncio

await asyncio.sleep(0.01)


async def twice(x):
    await asyncio.sleep(0)
    return 2 * x


print(await twice(2))


def double(x):
    loop = asyncio.new_event_loop()
    try:
        return 2 * x
    finally:
        loop.close()
