curl http://127.0.0.1:8501/v1/retrieval \
  -H "Content-Type: application/json" \
  -d '{"query": "weight of the pump", "top_k": 1}'
