from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8501/v1", api_key="none")
stream = client.chat.completions.create(
    model="base",
    messages=[{"role": "user", "content": "Say hello."}],
    max_tokens=8,
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="", flush=True)
