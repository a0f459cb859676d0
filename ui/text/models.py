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
    "models.answering": {
        "en": "Answering now: **{name}**",
        "zh": "当前回答的模型：**{name}**",
    },
    "models.choose": {
        "en": "Answer with this",
        "zh": "用它回答",
    },
    "models.chosen": {
        "en": "answers now",
        "zh": "正在使用",
    },
    "models.default": {
        "en": "Back to the default",
        "zh": "恢复默认",
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
    "models.key_help": {
        "en": "Leave empty if the server asks for none. Kept in the data folder, in a file that only you can read; never shown again.",
        "zh": "若服务不需要密钥请留空。保存在数据目录中仅您可读的文件里，之后不再显示。",
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
        "en": "New knowledge bases use {embedding}. Set models.embedding or models.reranker in tandem.toml, also to provider:NAME/MODEL; re-index older ones on the page Documents.",
        "zh": "新知识库使用 {embedding}。可在 tandem.toml 中设置 models.embedding 或 models.reranker，也可写作 provider:名称/模型；旧知识库请在“文档”页面重新索引。",
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
    "models.remove": {
        "en": "Remove",
        "zh": "删除",
    },
    "models.removed": {
        "en": "{name} and its key are forgotten.",
        "zh": "已删除 {name} 及其密钥。",
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
        "en": "models.chat is set in tandem.toml or the environment, so it cannot be chosen here.",
        "zh": "models.chat 已在 tandem.toml 或环境变量中设置，因此不能在此选择。",
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
    "models.try": {
        "en": "Try it",
        "zh": "试一句",
    },
}
