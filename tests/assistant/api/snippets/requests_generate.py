import requests

answer = requests.post(
    "http://127.0.0.1:8501/generate", json={"prompt": "How much does the pump weigh?"}, timeout=60
)
print(answer.json()["response"])
