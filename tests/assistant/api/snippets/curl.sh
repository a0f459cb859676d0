curl http://127.0.0.1:8501/v1/chat/completions \
  -H "Content-Type: application/json" \
  -d '{"model": "rag", "messages": [{"role": "user", "content": "How much does the pump weigh?"}]}'
