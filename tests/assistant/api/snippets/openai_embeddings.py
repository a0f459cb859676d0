from openai import OpenAI

client = OpenAI(base_url="http://127.0.0.1:8501/v1", api_key="none")
reply = client.embeddings.create(model="all-minilm-l6-v2", input=["a pump", "a seal"])
print(len(reply.data), "vectors of", len(reply.data[0].embedding))
