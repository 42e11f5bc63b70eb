"""Stream an answer with the official OpenAI client, while `conduit up` runs."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("CONDUIT_V1", "http://127.0.0.1:9321/v1"), api_key="none needed"
)
chunks = client.chat.completions.create(
    model="conduit",  # or "auto", or any name that client.models.list() gives
    messages=[{"role": "user", "content": "8 bars of hypnotic techno, sparse"}],
    stream=True,
)
for chunk in chunks:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
