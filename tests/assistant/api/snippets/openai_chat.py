from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8501/v1", api_key="none")
reply = client.chat.completions.create(
    model="rag",
    messages=[{"role": "user", "content": "How much does the pump weigh?"}],
)
choice = reply.choices[0]
print(choice.message.content)
for citation in choice.citations:
    print(f"[{citation['number']}]", citation["passage"]["source_name"])
