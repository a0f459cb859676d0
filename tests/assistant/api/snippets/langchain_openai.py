from langchain_openai import ChatOpenAI

model = ChatOpenAI(base_url="http://127.0.0.1:8501/v1", api_key="none", model="rag")
print(model.invoke("How much does the pump weigh?").content)
