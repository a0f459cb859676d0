curl -G http://127.0.0.1:8501/generate --data-urlencode "prompt=How much does the pump weigh?"
