curl -N http://127.0.0.1:8501/v1/chat/completions \
  -H "Content-Type: application/json" \
  -d '{"model": "base", "stream": true, "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}]}'
