"""Adapters on the page Train: cards, dialogs, before and after."""

TEXT: dict[str, dict[str, str]] = {
    "train.adapter": {"en": "Adapter", "zh": "适配器"},
    "train.adapters_about": {
        "en": "Each passed its checks before it was offered. It is loaded when it is first asked.",
        "zh": "每个适配器都先通过检查才提供使用，首次提问时自动加载。",
    },
    "train.after": {"en": "After: with the adapter", "zh": "训练后：使用适配器"},
    "train.ask_both": {"en": "Ask both", "zh": "同时提问"},
    "train.ask_now": {"en": "Ask before / after", "zh": "对比训练前后"},
    "train.before": {"en": "Before: base model", "zh": "训练前：基础模型"},
    "train.checking": {"en": "Checking it against the base model…", "zh": "正在与基础模型比对检查……"},
    "train.checks": {
        "en": "Checks: {passed} passed, {failed} failed",
        "zh": "检查：{passed} 项通过，{failed} 项未通过",
    },
    "train.delete_adapter": {"en": "Delete adapter", "zh": "删除适配器"},
    "train.delete_adapter_question": {
        "en": "Delete **{name}**? This cannot be undone.",
        "zh": "删除 **{name}**？此操作无法撤销。",
    },
    "train.differences": {"en": "Where their settings differ", "zh": "设置上的差异"},
    "train.export_folder": {"en": "Folder to write", "zh": "输出文件夹"},
    "train.export_gguf": {"en": "GGUF", "zh": "GGUF"},
    "train.export_gguf_about": {
        "en": "Merged, then converted by llama.cpp where it is installed; otherwise you get the exact "
        "command.",
        "zh": "先合并，再用本机的 llama.cpp 转换；未安装时给出完整命令。",
    },
    "train.export_merged": {"en": "Merged model", "zh": "合并模型"},
    "train.export_merged_about": {
        "en": "Base and adapter in one model folder of safetensors, with an Ollama Modelfile. Its "
        "answers are compared with the adapter's.",
        "zh": "把基础模型与适配器合并为一个 safetensors 模型文件夹，附 Ollama Modelfile，"
        "并与适配器的回答比对。",
    },
    "train.export_peft": {"en": "PEFT folder", "zh": "PEFT 文件夹"},
    "train.export_peft_about": {
        "en": "The adapter alone, for peft, vLLM and LLaMA-Factory.",
        "zh": "仅适配器，可供 peft、vLLM 和 LLaMA-Factory 使用。",
    },
    "train.exported": {"en": "Written to {path}", "zh": "已写入 {path}"},
    "train.exporting": {"en": "Writing and comparing…", "zh": "正在写入并比对……"},
    "train.figures_answers_end": {"en": "{ended} of {answers}", "zh": "{answers} 个中 {ended} 个"},
    "train.figures_forgetting": {
        "en": "{before} % → {after} % of {questions} questions",
        "zh": "{questions} 道题正确率 {before}% → {after}%",
    },
    "train.figures_held_out": {
        "en": "loss {before} → {after} on {rows} rows",
        "zh": "{rows} 行上的损失 {before} → {after}",
    },
    "train.figures_merge": {
        "en": "keeps {kept} % of what was learnt; {same} of {answers} answers the same word for word",
        "zh": "保留所学内容的 {kept}%；{answers} 个回答中 {same} 个逐字一致",
    },
    "train.figures_moved": {"en": "{modules} layers, norm {norm}", "zh": "{modules} 层，范数 {norm}"},
    "train.figures_thinking": {
        "en": "{before} → {after} of {answers}",
        "zh": "{answers} 个中 {before} → {after}",
    },
    "train.gate_answers_end": {"en": "Answers end by themselves", "zh": "回答能自行结束"},
    "train.gate_finite": {"en": "All values are numbers", "zh": "所有数值有效"},
    "train.gate_forgetting": {"en": "General knowledge is still there", "zh": "常识没有遗忘"},
    "train.gate_held_out": {
        "en": "Better than the base model on rows it never saw",
        "zh": "在未见过的数据上优于基础模型",
    },
    "train.gate_merge": {"en": "What was learnt survives a merge into the model", "zh": "合并后所学内容仍在"},
    "train.gate_moved": {"en": "The weights changed", "zh": "权重有变化"},
    "train.gate_not_applied": {"en": "does not apply", "zh": "不适用"},
    "train.gate_servable": {"en": "It can answer here", "zh": "可在此回答"},
    "train.gate_shape": {"en": "It fits the base model", "zh": "与基础模型匹配"},
    "train.gate_thinking": {"en": "Still thinks before it answers", "zh": "仍会先思考再回答"},
    "train.gguf_by_hand": {
        "en": "llama.cpp's converter is not on this computer. The merged model is written; with "
        "llama.cpp, run:",
        "zh": "本机没有 llama.cpp 的转换工具。合并模型已写入，安装后运行：",
    },
    "train.gguf_kind": {"en": "GGUF type", "zh": "GGUF 类型"},
    "train.import": {"en": "Import an adapter", "zh": "导入适配器"},
    "train.import_about": {
        "en": "A PEFT folder from this computer, with adapter_config.json and safetensors. It passes "
        "the same checks as our own; that takes a minute.",
        "zh": "本机上的 PEFT 文件夹，包含 adapter_config.json 和 safetensors。导入时会做同样的检查，"
        "约需一分钟。",
    },
    "train.import_folder": {"en": "Folder", "zh": "文件夹"},
    "train.import_hint": {"en": "/home/me/adapters/mine", "zh": "/home/me/adapters/mine"},
    "train.made_of": {"en": "What it was made of", "zh": "训练信息"},
    "train.more": {"en": "More", "zh": "更多"},
    "train.no_adapters": {
        "en": "No adapter yet. A run that passes its checks makes one; a PEFT folder from elsewhere "
        "can be imported.",
        "zh": "还没有适配器。训练通过检查后会自动生成，也可以导入其他 PEFT 文件夹。",
    },
    "train.notes": {"en": "Notes", "zh": "备注"},
    "train.nothing_to_ask": {
        "en": "No adapter can answer yet. Train one first.",
        "zh": "还没有可提问的适配器，请先训练一个。",
    },
    "train.questions": {"en": "Questions, one a line", "zh": "问题，每行一个"},
    "train.questions_help": {
        "en": "These came with the data; change them as you like. Some should be about what was "
        "trained, some about other things, to see what was forgotten.",
        "zh": "这些问题随数据提供，可自行修改。最好既有训练过的内容，也有其他问题，以便看出是否遗忘。",
    },
    "train.rename": {"en": "Rename", "zh": "重命名"},
    "train.use_in_ask": {"en": "Use in Ask", "zh": "在“提问”中使用"},
    "train.use_in_compare": {"en": "Use in Compare", "zh": "在“对比”中使用"},
}
