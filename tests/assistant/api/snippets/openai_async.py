import asyncio

from openai import AsyncOpenAI


async def main() -> None:
    async with AsyncOpenAI(base_url="http://127.0.0.1:8501/v1", api_key="none") as client:
        models = ["base", "rag"]
        question = [{"role": "user", "content": "How much does the pump weigh?"}]
        asked = [
            client.chat.completions.create(model=model, messages=question, max_tokens=8) for model in models
        ]
        for model, reply in zip(models, await asyncio.gather(*asked), strict=True):
            print(f"{model}: {reply.choices[0].message.content}")


asyncio.run(main())
