"""What keeping datasets and working with runs and adapters tells; part of `assistant.messages.MESSAGES`."""

from typing import Literal

WORKSHOP_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "adapter_kind_not_served": {
        "en": "{name} is of kind {kind}: it adds virtual tokens and not weights, and answers here share their "
        "prompts. Export it, or train a LoRA to ask it here.",
        "zh": "{name} 属于 {kind} 类型：它添加的是虚拟 token 而不是权重，无法在这里提问。可以导出使用，或改为训练 LoRA。",
    },
    "adapter_of_other_model": {
        "en": "{name} belongs to {base}, and {chat} is answering here. Choose {base} as the chat model to ask it.",
        "zh": "{name} 属于模型 {base}，而当前对话模型是 {chat}。要向它提问，请把对话模型换成 {base}。",
    },
    "adapter_of_other_version": {
        "en": "{name} was trained on another version of {base} than the one that is here. Train it again.",
        "zh": "{name} 训练时使用的 {base} 版本与现有版本不同。请重新训练。",
    },
    "build_running": {
        "en": "Rows are being built already: {name}. Wait for it or stop it first.",
        "zh": "正在生成数据：{name}。请等待完成或先停止它。",
    },
    "dataset_empty": {
        "en": "No file was given. Choose one.",
        "zh": "没有选择文件。请选择一个文件。",
    },
    "dataset_path_missing": {
        "en": "There is no {path} on this computer. Check the path.",
        "zh": "本机没有 {path}。请检查路径。",
    },
    "dataset_unknown": {
        "en": "There is no dataset {id}; it may have been deleted. Choose another one.",
        "zh": "没有数据集 {id}，它可能已被删除。请选择其他数据集。",
    },
    "self_cognition_empty": {
        "en": "Name and maker must not be empty. Type both.",
        "zh": "名字和开发者都不能为空。请填写两者。",
    },
}
