from langchain_community.chat_models import ChatYuan2

model = ChatYuan2(base_url="http://127.0.0.1:8501/v1", model="rag", streaming=True)
print(model.invoke("How much does the pump weigh?").content)
