"""The page Models in both languages."""

TEXT: dict[str, dict[str, str]] = {
    "models.adapter_of": {
        "en": "adapter of {parent}",
        "zh": "{parent} 的适配器",
    },
    "models.adapters": {
        "en": "Adapters on it",
        "zh": "其上的适配器",
    },
    "models.adapters_help": {
        "en": "Names of models there that are the answering model with an adapter, separated by commas. vLLM says so by itself.",
        "zh": "该服务上带适配器的模型名，用逗号分隔。vLLM 会自动报告，无需填写。",
    },
    "models.add": {
        "en": "Add a server",
        "zh": "添加服务",
    },
    "models.add_button": {
        "en": "Add",
        "zh": "添加",
    },
    "models.added": {
        "en": "{name} is kept. Test it to see its models.",
        "zh": "已保存 {name}。点击“测试”查看它的模型。",
    },
    "models.address": {
        "en": "Address",
        "zh": "地址",
    },
    "models.address_help": {
        "en": "Knowledge bases that were embedded by a model of this server have to be indexed again when its address changes.",
        "zh": "如果有知识库由该服务上的模型生成向量，修改地址后需要重新索引。",
    },
    "models.answering": {
        "en": "Answers: **{name}**",
        "zh": "用于回答：**{name}**",
    },
    "models.behind": {
        "en": "Embedded by another model, which they keep using until they are indexed again: {names}.",
        "zh": "以下知识库由其他模型生成向量，重新索引之前会继续使用原模型：{names}。",
    },
    "models.change": {
        "en": "Change",
        "zh": "修改",
    },
    "models.change_close": {
        "en": "Close",
        "zh": "收起",
    },
    "models.change_save": {
        "en": "Save",
        "zh": "保存",
    },
    "models.changed": {
        "en": "{name} is changed. Test it to see its models.",
        "zh": "已修改 {name}。点击“测试”查看它的模型。",
    },
    "models.choose_chat": {
        "en": "Answer with this",
        "zh": "用它回答",
    },
    "models.choose_embedding": {
        "en": "Embed with this",
        "zh": "用它生成向量",
    },
    "models.choose_reranker": {
        "en": "Rerank with this",
        "zh": "用它重排",
    },
    "models.chosen_chat": {
        "en": "answers now",
        "zh": "正在使用",
    },
    "models.chosen_embedding": {
        "en": "embeds now",
        "zh": "正在使用",
    },
    "models.chosen_reranker": {
        "en": "reranks now",
        "zh": "正在使用",
    },
    "models.context": {
        "en": "Tokens of prompt and answer",
        "zh": "提示与回答的词元上限",
    },
    "models.context_help": {
        "en": "Used where the server does not tell the model's own limit.",
        "zh": "服务未报告模型上限时使用此值。",
    },
    "models.default_chat": {
        "en": "Back to the default",
        "zh": "恢复默认",
    },
    "models.default_embedding": {
        "en": "Back to the default",
        "zh": "恢复默认",
    },
    "models.default_reranker": {
        "en": "Stop reranking",
        "zh": "停用重排",
    },
    "models.embedding": {
        "en": "Embeds new knowledge bases: **{name}**",
        "zh": "为新知识库生成向量：**{name}**",
    },
    "models.embedding_tokens": {
        "en": "Tokens an embedder reads",
        "zh": "向量模型读取的词元数",
    },
    "models.embedding_tokens_help": {
        "en": "Longer passages are cut there before they are sent to an embedding model of this server.",
        "zh": "发送给该服务的向量模型之前，超长段落会截断到此长度。",
    },
    "models.failed": {
        "en": "{name} was not fetched: {reason}",
        "zh": "{name} 获取失败：{reason}",
    },
    "models.fetch": {
        "en": "Fetch",
        "zh": "获取",
    },
    "models.fetch_hint": {
        "en": "Qwen/Qwen3-4B-Instruct-2507, modelscope:Qwen/Qwen3-4B-Instruct-2507, ./folder, ./model.gguf",
        "zh": "Qwen/Qwen3-4B-Instruct-2507、modelscope:Qwen/Qwen3-4B-Instruct-2507、./目录、./model.gguf",
    },
    "models.fetch_other": {
        "en": "Another model, by name or folder",
        "zh": "其他模型（名称或目录）",
    },
    "models.fetch_where": {
        "en": "A name org/model comes from {hub}. With modelscope: before it, from ModelScope. A path is used where it is. Only safetensors and GGUF; no code of a model is run.",
        "zh": "“机构/模型”从 {hub} 获取；前面加 modelscope: 则从 ModelScope 获取；路径则直接使用该目录。仅支持 safetensors 与 GGUF，不会运行模型自带的代码。",
    },
    "models.fetched": {
        "en": "{name} is here.",
        "zh": "{name} 已就绪。",
    },
    "models.fetching": {
        "en": "{name}: {stage}",
        "zh": "{name}，进度：{stage}",
    },
    "models.fetching_bytes": {
        "en": "{name}: {stage}, {done} of {total} MB",
        "zh": "{name}：{stage}，已完成 {done} / {total} MB",
    },
    "models.fetching_so_far": {
        "en": "{name}: {stage}, {done} MB so far",
        "zh": "{name}：{stage}，已完成 {done} MB",
    },
    "models.from_settings": {
        "en": "Set in tandem.toml or the environment; to be changed there.",
        "zh": "在 tandem.toml 或环境变量中设置，请在那里修改。",
    },
    "models.get": {
        "en": "Get",
        "zh": "获取",
    },
    "models.here": {
        "en": "on this machine",
        "zh": "已在本机",
    },
    "models.key": {
        "en": "Key",
        "zh": "密钥",
    },
    "models.key_forget": {
        "en": "Forget the key",
        "zh": "删除密钥",
    },
    "models.key_help": {
        "en": "Leave empty if the server asks for none. Kept in the data folder, in a file that only you can read; never shown again.",
        "zh": "若服务不需要密钥请留空。保存在数据目录中仅您可读的文件里，之后不再显示。",
    },
    "models.key_kept": {
        "en": "leave empty to keep the one there is",
        "zh": "留空则保留现有密钥",
    },
    "models.key_new": {
        "en": "New key",
        "zh": "新密钥",
    },
    "models.kind": {
        "en": "Kind",
        "zh": "类型",
    },
    "models.kind_embedding": {
        "en": "embeds",
        "zh": "向量",
    },
    "models.kind_ollama": {
        "en": "Ollama on this or another machine",
        "zh": "Ollama（本机或其他机器）",
    },
    "models.kind_openai": {
        "en": "OpenAI-compatible (vLLM, LM Studio, LLaMA-Factory, FastChat, llama.cpp)",
        "zh": "OpenAI 兼容（vLLM、LM Studio、LLaMA-Factory、FastChat、llama.cpp）",
    },
    "models.kind_reranker": {
        "en": "reranks",
        "zh": "重排",
    },
    "models.kind_yuan2": {
        "en": "Yuan2",
        "zh": "源2.0（Yuan2）",
    },
    "models.language_en": {
        "en": "English",
        "zh": "英文",
    },
    "models.language_zh": {
        "en": "Chinese",
        "zh": "中文",
    },
    "models.languages_all": {
        "en": "many languages",
        "zh": "多语言",
    },
    "models.leaves": {
        "en": "Not on this machine: questions and passages are sent there.",
        "zh": "不在本机：问题和检索到的段落会发送到该处。",
    },
    "models.local": {
        "en": "On this machine",
        "zh": "本机",
    },
    "models.mirror": {
        "en": "Use a mirror of the Hugging Face hub",
        "zh": "使用 Hugging Face 镜像站",
    },
    "models.mirror_about": {
        "en": "All models named org/model are then fetched from there. Leave empty to ask the hub itself, or what the variable HF_ENDPOINT names.",
        "zh": "此后所有“机构/模型”都从该处获取。留空则访问 Hugging Face（或环境变量 HF_ENDPOINT 指定的地址）。",
    },
    "models.mirror_address": {
        "en": "Address of the mirror",
        "zh": "镜像站地址",
    },
    "models.mirror_kept": {
        "en": "Kept.",
        "zh": "已保存。",
    },
    "models.mirror_use": {
        "en": "Use",
        "zh": "使用",
    },
    "models.more": {
        "en": "More settings",
        "zh": "更多设置",
    },
    "models.name": {
        "en": "Name",
        "zh": "名称",
    },
    "models.name_hint": {
        "en": "lab",
        "zh": "实验室",
    },
    "models.none_listed": {
        "en": "It lists no models.",
        "zh": "它没有列出任何模型。",
    },
    "models.of_server": {
        "en": "Model",
        "zh": "模型",
    },
    "models.others": {
        "en": "For embedding and reranking",
        "zh": "用于向量与重排",
    },
    "models.others_hint": {
        "en": "An embedder finds passages by meaning; knowledge bases made from now on use the one chosen here. A reranker reads the question together with each passage and puts the best first: slower, and better.",
        "zh": "向量模型按含义查找段落，此后新建的知识库使用在此选定的模型。重排模型把问题与每个段落一起阅读，将最相关的排在最前：更慢，但更准。",
    },
    "models.parallel": {
        "en": "Requests at once",
        "zh": "同时请求数",
    },
    "models.parallel_help": {
        "en": "More wait for their turn. 1 for llama-cpp-python, which drops one request for the next.",
        "zh": "超出的请求排队等待。llama-cpp-python 请设为 1，它会为新请求中断旧请求。",
    },
    "models.pull": {
        "en": "Pull",
        "zh": "拉取",
    },
    "models.pull_hint": {
        "en": "such as qwen3:4b",
        "zh": "例如 qwen3:4b",
    },
    "models.pull_name": {
        "en": "Pull a model from Ollama's library",
        "zh": "从 Ollama 模型库拉取",
    },
    "models.reindex": {
        "en": "Index again with the new one",
        "zh": "用新模型重新索引",
    },
    "models.reindexing": {
        "en": "{count} under way; the page Documents shows how far.",
        "zh": "{count} 个正在进行，进度见“文档”页面。",
    },
    "models.remove": {
        "en": "Remove",
        "zh": "删除",
    },
    "models.removed": {
        "en": "{name} and its key are forgotten.",
        "zh": "已删除 {name} 及其密钥。",
    },
    "models.reranker_none": {
        "en": "none",
        "zh": "未启用",
    },
    "models.reranking": {
        "en": "Reranks what a search finds: **{name}**",
        "zh": "对检索结果重排：**{name}**",
    },
    "models.servers": {
        "en": "Other servers",
        "zh": "其他服务",
    },
    "models.servers_none": {
        "en": "Models that already run elsewhere can answer here too: a vLLM on a GPU machine, Ollama or LM Studio on this one.",
        "zh": "已在别处运行的模型也可以在这里回答：GPU 机器上的 vLLM，或本机的 Ollama、LM Studio。",
    },
    "models.settings_decide": {
        "en": "{setting} is set in tandem.toml or the environment, so it cannot be chosen here.",
        "zh": "{setting} 已在 tandem.toml 或环境变量中设置，因此不能在此选择。",
    },
    "models.stage_convert": {
        "en": "converting",
        "zh": "转换中",
    },
    "models.stage_download": {
        "en": "downloading",
        "zh": "下载中",
    },
    "models.stage_unpack": {
        "en": "unpacking",
        "zh": "解包中",
    },
    "models.stage_verify": {
        "en": "checking",
        "zh": "校验中",
    },
    "models.stopped": {
        "en": "{name} was stopped; fetching it again goes on from there.",
        "zh": "{name} 已停止；再次获取会从断点继续。",
    },
    "models.stopping": {
        "en": "stopping …",
        "zh": "正在停止……",
    },
    "models.test": {
        "en": "Test",
        "zh": "测试",
    },
    "models.tested": {
        "en": "answers in {ms} ms, {count} models",
        "zh": "{ms} 毫秒内响应，{count} 个模型",
    },
    "models.testing": {
        "en": "Asking {name}",
        "zh": "正在查询 {name}",
    },
    "models.timeout": {
        "en": "Seconds it may be silent",
        "zh": "允许无响应的秒数",
    },
    "models.title": {
        "en": "Models",
        "zh": "模型",
    },
    "models.tried": {
        "en": "first word after {ms} ms: {answer}",
        "zh": "{ms} 毫秒后开始回答：{answer}",
    },
    "models.tried_embedding": {
        "en": "embedded a sentence in {ms} ms, {dimensions} dimensions",
        "zh": "{ms} 毫秒内完成一句话的向量化，共 {dimensions} 维",
    },
    "models.tried_reranker": {
        "en": "ordered two passages in {ms} ms: {good} for the one with the answer, {bad} for the other",
        "zh": "{ms} 毫秒内完成两个段落的重排：含答案的 {good}，另一个 {bad}",
    },
    "models.try": {
        "en": "Try it",
        "zh": "试一句",
    },
    "models.unlisted": {
        "en": "Models it does not list",
        "zh": "未列出的模型",
    },
    "models.unlisted_help": {
        "en": "Names of models to offer beside those that the server lists, separated by commas.",
        "zh": "除服务列出的模型外还可选用的模型名，用逗号分隔。",
    },
    "models.use": {
        "en": "Use it to",
        "zh": "用途",
    },
    "models.use_chat": {
        "en": "answer",
        "zh": "回答",
    },
    "models.use_embedding": {
        "en": "embed",
        "zh": "向量",
    },
    "models.use_reranker": {
        "en": "rerank",
        "zh": "重排",
    },
}
