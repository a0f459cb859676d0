"""The page Train in both languages."""

TEXT: dict[str, dict[str, str]] = {
    "train.about_checking": {
        "en": "The adapter is written and checked: held-out loss, endings, what was forgotten.",
        "zh": "正在写入并检查适配器：验证损失、能否正常结束、是否遗忘常识。",
    },
    "train.about_facts": {
        "en": "Questions and answers are made from a knowledge base, each with its source, for answers "
        "without looking things up.",
        "zh": "从知识库自动生成带出处的问答数据，训练后无需检索也能回答。",
    },
    "train.about_own": {
        "en": "A file in any usual layout, or a LLaMA-Factory folder with its dataset_info.json.",
        "zh": "任意常见格式的数据文件，或带有 dataset_info.json 的 LLaMA-Factory 数据目录。",
    },
    "train.about_preparing": {
        "en": "The model is loaded, asked some general questions, and one step is tried for memory.",
        "zh": "正在加载模型、测一组常识题，并试算一步以确认内存。",
    },
    "train.about_self_cognition": {
        "en": "The classic first try: the assistant says who it is and who made it. Type two names; "
        "the rows are made for you. Minutes.",
        "zh": "最经典的入门练习：让助手说出自己是谁、由谁开发。填两个名字，数据自动生成，几分钟即可完成。",
    },
    "train.about_voice": {
        "en": "It answers the way your examples do: a character, a brand, short or formal. Takes a "
        "file of questions and answers.",
        "zh": "让回答像您的示例一样：某个角色、品牌口吻、简短或正式。需要一份问答数据文件。",
    },
    "train.adapter": {"en": "Adapter", "zh": "适配器"},
    "train.adapter_name": {"en": "Name of the adapter", "zh": "适配器名称"},
    "train.adapters_about": {
        "en": "Each passed its checks before it was offered. It is loaded when it is first asked.",
        "zh": "每个适配器都先通过检查才提供使用，首次提问时自动加载。",
    },
    "train.after": {"en": "After: with the adapter", "zh": "训练后：使用适配器"},
    "train.all_rows": {"en": "all", "zh": "全部"},
    "train.another_run": {"en": "New run", "zh": "新的训练"},
    "train.answers_with": {"en": "Who answers", "zh": "由谁回答"},
    "train.as_yaml": {"en": "Settings as a file (YAML)", "zh": "以文件保存设置（YAML）"},
    "train.ask_both": {"en": "Ask both", "zh": "同时提问"},
    "train.ask_now": {"en": "Ask before / after", "zh": "对比训练前后"},
    "train.assistant_maker": {"en": "Who made it", "zh": "开发者"},
    "train.assistant_name": {"en": "Name of the assistant", "zh": "助手的名字"},
    "train.auto": {"en": "chosen for you", "zh": "自动"},
    "train.auto_value": {"en": "auto: {value}", "zh": "自动：{value}"},
    "train.back_to_settings": {"en": "Back to the settings", "zh": "返回设置"},
    "train.before": {"en": "Before: base model", "zh": "训练前：基础模型"},
    "train.begun": {"en": "Begun", "zh": "开始时间"},
    "train.build": {"en": "Build rows", "zh": "生成数据"},
    "train.build_about": {
        "en": "Facts are taken from headings, tables, definitions and sentences, and put in many "
        "wordings. Each is tied to words that stand in its passage. You can look at every row "
        "before training.",
        "zh": "从标题、表格、定义和语句中提取知识点，并写成多种问法。每条都对应原文中的具体文字，"
        "训练前可逐条查看。",
    },
    "train.build_another": {"en": "Build others", "zh": "重新生成"},
    "train.build_bases": {"en": "Knowledge bases", "zh": "知识库"},
    "train.build_more": {"en": "More choices", "zh": "更多选项"},
    "train.build_name": {"en": "Name", "zh": "名称"},
    "train.build_no_base": {
        "en": "There is no knowledge base with documents yet. Add documents first.",
        "zh": "还没有包含文档的知识库，请先添加文档。",
    },
    "train.builds": {"en": "Built before", "zh": "已生成的数据"},
    "train.check_again": {"en": "Check again", "zh": "重新检查"},
    "train.checking": {"en": "Checking it against the base model…", "zh": "正在与基础模型比对检查……"},
    "train.checks": {
        "en": "Checks: {passed} passed, {failed} failed",
        "zh": "检查：{passed} 项通过，{failed} 项未通过",
    },
    "train.choose": {"en": "Choose", "zh": "选择"},
    "train.chosen": {"en": "Preferred answer", "zh": "更好的回答"},
    "train.compare_runs": {"en": "Losses of the chosen runs", "zh": "所选训练的损失"},
    "train.count_cut": {"en": "Cut", "zh": "已截短"},
    "train.count_cut_help": {
        "en": "Longer than the limit. Question and stop token are kept; the list says how much went.",
        "zh": "超过长度上限。问题和停止符会保留，截去多少见列表。",
    },
    "train.count_dropped": {"en": "Left out", "zh": "未采用"},
    "train.count_dropped_help": {
        "en": "Not trained, each for the reason below.",
        "zh": "不用于训练，原因逐条列在下方。",
    },
    "train.count_kept": {"en": "As they are", "zh": "原样使用"},
    "train.count_kept_help": {"en": "Trained without any change.", "zh": "不作改动，直接用于训练。"},
    "train.count_repaired": {"en": "Repaired", "zh": "已修复"},
    "train.count_repaired_help": {
        "en": "Used after a small repair, which is listed below.",
        "zh": "经小幅修复后使用，修复内容见下方列表。",
    },
    "train.count_rows": {"en": "Rows", "zh": "行数"},
    "train.count_rows_help": {"en": "All rows of the file.", "zh": "文件中的全部行。"},
    "train.curve": {"en": "Curve", "zh": "曲线"},
    "train.curve_eval": {"en": "held out", "zh": "验证损失"},
    "train.curve_grad_norm": {"en": "gradient norm", "zh": "梯度范数"},
    "train.curve_learning_rate": {"en": "learning rate", "zh": "学习率"},
    "train.curve_memory": {"en": "memory, GB", "zh": "内存（GB）"},
    "train.curve_tokens_per_s": {"en": "tokens per second", "zh": "每秒词元数"},
    "train.curve_train": {"en": "training", "zh": "训练损失"},
    "train.delete": {"en": "Delete", "zh": "删除"},
    "train.delete_adapter": {"en": "Delete adapter", "zh": "删除适配器"},
    "train.delete_adapter_question": {
        "en": "Delete **{name}**? This cannot be undone.",
        "zh": "删除 **{name}**？此操作无法撤销。",
    },
    "train.delete_dataset": {"en": "Delete data", "zh": "删除数据"},
    "train.delete_dataset_question": {
        "en": "Delete **{name}**? Runs and adapters made with it stay; files in a folder of yours stay too.",
        "zh": "删除 **{name}**？用它训练的记录和适配器会保留，您自己文件夹中的文件也不受影响。",
    },
    "train.delete_runs": {"en": "Delete runs", "zh": "删除训练记录"},
    "train.delete_runs_question": {
        "en": "Delete {count} runs with logs and checkpoints? Their adapters stay.",
        "zh": "删除 {count} 条训练记录及其日志和检查点？适配器会保留。",
    },
    "train.deleted": {"en": "Deleted: {count} runs.", "zh": "已删除 {count} 条训练记录。"},
    "train.differences": {"en": "Where their settings differ", "zh": "设置上的差异"},
    "train.entry": {"en": "Entry of dataset_info.json", "zh": "dataset_info.json 中的条目"},
    "train.entry_help": {
        "en": "The file describes several datasets; one of them is trained.",
        "zh": "该文件描述了多个数据集，训练时只用其中一个。",
    },
    "train.eval_loss_now": {"en": "held out {loss}", "zh": "验证损失 {loss}"},
    "train.examining": {"en": "Reading and checking every row…", "zh": "正在读取并检查每一行……"},
    "train.export": {"en": "Export", "zh": "导出"},
    "train.export_folder": {"en": "Folder to write", "zh": "输出文件夹"},
    "train.export_form": {"en": "As", "zh": "格式"},
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
    "train.export_zip": {"en": "Download as ZIP", "zh": "下载 ZIP"},
    "train.export_zip_about": {
        "en": "With a dataset_info.json, so that LLaMA-Factory takes it as it is.",
        "zh": "附带 dataset_info.json，LLaMA-Factory 可直接使用。",
    },
    "train.exported": {"en": "Written to {path}", "zh": "已写入 {path}"},
    "train.exporting": {"en": "Writing and comparing…", "zh": "正在写入并比对……"},
    "train.field_learning_rate": {"en": "Learning rate", "zh": "学习率"},
    "train.field_lora_alpha": {"en": "LoRA alpha", "zh": "LoRA 缩放（alpha）"},
    "train.field_lora_r": {"en": "LoRA rank (r)", "zh": "LoRA 秩（r）"},
    "train.field_max_length": {"en": "Cutoff length", "zh": "最大长度（cutoff）"},
    "train.field_num_train_epochs": {"en": "Epochs", "zh": "训练轮数（epochs）"},
    "train.field_per_device_train_batch_size": {"en": "Batch size", "zh": "批大小（batch）"},
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
        "en": "{same} of {answers} answers the same, largest difference of a logit {difference}",
        "zh": "{answers} 个回答中 {same} 个一致，logit 最大差异 {difference}",
    },
    "train.figures_moved": {"en": "{modules} layers, norm {norm}", "zh": "{modules} 层，范数 {norm}"},
    "train.figures_thinking": {
        "en": "{before} → {after} of {answers}",
        "zh": "{answers} 个中 {before} → {after}",
    },
    "train.fill": {"en": "Fill them in", "zh": "填入"},
    "train.findings": {"en": "What happened to which row", "zh": "逐行检查结果"},
    "train.findings_more": {
        "en": "… and {count} more, all in the download.",
        "zh": "……另有 {count} 条，全部在下载文件中。",
    },
    "train.finish": {"en": "Finish now", "zh": "就此完成"},
    "train.finish_help": {
        "en": "Ends after this step; what was learnt so far is checked and offered.",
        "zh": "完成当前步后结束，检查并保留已学到的内容。",
    },
    "train.fits": {
        "en": "It fits: about {needed} GB at the peak, {free} GB are free.",
        "zh": "内存足够：峰值约 {needed} GB，可用 {free} GB。",
    },
    "train.fits_not": {
        "en": "It does not fit: about {needed} GB are needed and {free} GB are free. Take a smaller "
        "model or shorter rows.",
        "zh": "内存不足：约需 {needed} GB，可用 {free} GB。请换更小的模型或缩短长度上限。",
    },
    "train.fits_smaller": {
        "en": "It fits with a smaller batch: {micro} at once, {times} times a step, about {needed} GB "
        "of {free} GB. What is learnt is the same.",
        "zh": "减小批大小后可以放下：每次 {micro} 行，每步 {times} 次，约 {needed} GB（可用 {free} "
        "GB）。学习效果不变。",
    },
    "train.folder": {"en": "Or a file or folder on this computer", "zh": "或本机上的文件、文件夹"},
    "train.folder_hint": {"en": "/home/me/LLaMA-Factory/data", "zh": "/home/me/LLaMA-Factory/data"},
    "train.gate_answers_end": {"en": "Answers end by themselves", "zh": "回答能自行结束"},
    "train.gate_finite": {"en": "All values are numbers", "zh": "所有数值有效"},
    "train.gate_forgetting": {"en": "General knowledge is still there", "zh": "常识没有遗忘"},
    "train.gate_held_out": {
        "en": "Better than the base model on rows it never saw",
        "zh": "在未见过的数据上优于基础模型",
    },
    "train.gate_merge": {"en": "Merged into the model it answers alike", "zh": "合并后回答一致"},
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
    "train.group_length": {
        "en": "Length of the run, evaluation, checkpoints",
        "zh": "训练长度、评估与检查点",
    },
    "train.group_machines": {"en": "Several GPUs or machines", "zh": "多 GPU 与多机"},
    "train.group_memory": {"en": "Precision and memory", "zh": "精度与内存"},
    "train.group_method": {"en": "Method and what it trains", "zh": "训练方法与目标层"},
    "train.group_optimiser": {"en": "Optimiser", "zh": "优化器"},
    "train.group_preference": {"en": "Preferences (DPO, KTO)", "zh": "偏好训练（DPO、KTO）"},
    "train.group_report": {"en": "Trackers and everything else", "zh": "训练跟踪与其他"},
    "train.group_rows": {"en": "Rows", "zh": "数据行"},
    "train.help_distributed": {
        "en": "none is one process. ddp copies the model to each GPU; fsdp2 and zero share it among them.",
        "zh": "none 为单进程。ddp 每个 GPU 一份模型；fsdp2 与 zero 在 GPU 间分摊模型。",
    },
    "train.help_early_stopping_patience": {
        "en": "Ends the run when the held-out loss has not improved for so many evaluations; 0 never.",
        "zh": "验证损失连续多少次没有改善就停止；0 表示不启用。",
    },
    "train.help_eval_share": {
        "en": "Part of the rows that is held out to measure on, 0 to 1, or a number of rows.",
        "zh": "留出用于评估的比例（0 到 1），或行数。",
    },
    "train.help_freeze_trainable_layers": {
        "en": "How many of the last layers freeze trains.",
        "zh": "freeze 方法训练最后多少层。",
    },
    "train.help_gradient_accumulation_steps": {
        "en": "Batches that together make one step: a larger batch without more memory.",
        "zh": "累积多少批再更新一次，等效于更大的批而不占更多内存。",
    },
    "train.help_gradient_checkpointing": {
        "en": "Takes less memory and a third more time.",
        "zh": "减少内存占用，但时间约增加三分之一。",
    },
    "train.help_group_by_length": {
        "en": "Rows of like length share a step; less padding.",
        "zh": "长度相近的行放在同一步，减少填充。",
    },
    "train.help_learning_rate": {
        "en": "How far each step goes. Left open it suits the model's size. Too high, and the loss "
        "jumps or the model forgets.",
        "zh": "每一步改动多大。留空则按模型大小确定。过高会使损失跳动或遗忘。",
    },
    "train.help_lora_alpha": {
        "en": "How strongly the adapter counts, usually twice the rank.",
        "zh": "适配器的作用强度，一般为秩的两倍。",
    },
    "train.help_lora_dropout": {
        "en": "Switches off a part of the adapter by chance, against learning by heart. 0 to 0.1.",
        "zh": "随机关闭部分适配器以防死记硬背，取 0 到 0.1。",
    },
    "train.help_lora_r": {
        "en": "How much room the adapter has. 8 to 16 for style, 32 for facts.",
        "zh": "适配器的容量。风格类 8 到 16，知识类 32。",
    },
    "train.help_lr_scheduler_type": {
        "en": "How the learning rate falls during the run.",
        "zh": "学习率在训练中如何下降。",
    },
    "train.help_max_dropped_share": {
        "en": "If more rows than this would be lost, 0 to 1, nothing is trained.",
        "zh": "若丢弃比例（0 到 1）超过此值，则不训练。",
    },
    "train.help_max_length": {
        "en": "Longer rows are cut; question and stop token stay. Memory grows with it.",
        "zh": "更长的行会被截短，但保留问题和停止符。数值越大越占内存。",
    },
    "train.help_max_memory_gb": {
        "en": "What training may take; the batch is made smaller to stay below.",
        "zh": "训练可用的内存上限（GB），会自动减小批大小。",
    },
    "train.help_max_samples": {"en": "Takes only so many rows, by chance.", "zh": "随机只取这么多行。"},
    "train.help_max_steps": {
        "en": "Stops after so many steps, whatever the epochs say; -1 is no limit.",
        "zh": "达到该步数即停止，优先于轮数；-1 表示不限。",
    },
    "train.help_method": {
        "en": "LoRA is right for most. QLoRA needs an NVIDIA GPU and bitsandbytes; full and freeze "
        "make a whole model, not an adapter.",
        "zh": "多数情况选 LoRA。QLoRA 需要 NVIDIA GPU 和 bitsandbytes；full 和 freeze "
        "得到整个模型而不是适配器。",
    },
    "train.help_neftune_noise_alpha": {
        "en": "Noise on the inputs, 5 is usual; can make answers richer.",
        "zh": "给输入加噪声，常用 5，可使回答更丰富。",
    },
    "train.help_num_train_epochs": {
        "en": "How often every row is seen. 3 suits a style, 5 to 10 facts in many wordings; for a "
        "name and a maker about 6: more makes the model forget other things.",
        "zh": "每行数据学习几遍。风格类 3 遍；知识类（多种问法）5 到 10 遍；名字与身份约 6 遍，"
        "再多会让模型忘掉其他知识。",
    },
    "train.help_num_virtual_tokens": {"en": "Of prompt tuning only.", "zh": "仅用于 prompt tuning。"},
    "train.help_overlong": {
        "en": "cut keeps question and stop token; drop leaves the row out.",
        "zh": "cut 保留问题和停止符；drop 丢弃整行。",
    },
    "train.help_packing": {
        "en": "Puts several short rows into one sequence; they do not see each other.",
        "zh": "把多个短行拼成一条序列，彼此不可见。",
    },
    "train.help_per_device_train_batch_size": {
        "en": "Rows computed at the same time. Made smaller by itself where memory does not suffice.",
        "zh": "同时计算的行数。内存不足时会自动减小。",
    },
    "train.help_precision": {
        "en": "auto takes what the machine does best.",
        "zh": "auto 会选用本机最合适的精度。",
    },
    "train.help_pref_beta": {
        "en": "How closely the model stays to its start in dpo and kto; higher is closer.",
        "zh": "dpo 和 kto 中与原模型保持接近的程度，越大越接近。",
    },
    "train.help_report_to": {
        "en": "Also sends the curves to a tracker; SwanLab and W&B stay offline unless you have logged in.",
        "zh": "把曲线同时发送到跟踪工具；未登录时 SwanLab 和 W&B 保持离线。",
    },
    "train.help_save_steps": {
        "en": "Steps between two checkpoints to go on from.",
        "zh": "每隔多少步保存一个可继续训练的检查点。",
    },
    "train.help_seed": {
        "en": "The same seed gives the same order of rows and the same start.",
        "zh": "相同的种子得到相同的数据顺序和初始值。",
    },
    "train.help_stage": {
        "en": "What the rows hold is recognised: answers to imitate (sft), pairs of answers (dpo), or "
        "answers marked good and bad (kto).",
        "zh": "会根据数据自动识别：示范回答（sft）、成对回答（dpo）或好坏标记（kto）。",
    },
    "train.help_target_modules": {
        "en": "all-linear, or names of layers separated by commas.",
        "zh": "all-linear，或用逗号分隔的层名。",
    },
    "train.help_warmup_steps": {
        "en": "Steps in which the rate rises from zero; below 1 a share of all.",
        "zh": "学习率从零升高的步数；小于 1 时表示占总步数的比例。",
    },
    "train.hours": {"en": "{count} h", "zh": "{count} 小时"},
    "train.import": {"en": "Import an adapter", "zh": "导入适配器"},
    "train.import_about": {
        "en": "A PEFT folder from this computer, with adapter_config.json and safetensors. It passes "
        "the same checks as our own; that takes a minute.",
        "zh": "本机上的 PEFT 文件夹，包含 adapter_config.json 和 safetensors。导入时会做同样的检查，"
        "约需一分钟。",
    },
    "train.import_folder": {"en": "Folder", "zh": "文件夹"},
    "train.import_hint": {"en": "/home/me/adapters/mine", "zh": "/home/me/adapters/mine"},
    "train.kept": {"en": "Data you have", "zh": "已有数据"},
    "train.kind_closed": {"en": "from memory", "zh": "凭记忆"},
    "train.kind_open_hit": {"en": "with passages", "zh": "带段落"},
    "train.kind_open_miss": {"en": "passages lack it", "zh": "段落中没有"},
    "train.kind_replay": {"en": "general", "zh": "通用"},
    "train.kind_unknown": {"en": "not in documents", "zh": "文档中没有"},
    "train.language_both": {"en": "Both", "zh": "中英双语"},
    "train.language_en": {"en": "English", "zh": "英文"},
    "train.language_zh": {"en": "Chinese", "zh": "中文"},
    "train.layout_alpaca": {"en": "Alpaca", "zh": "Alpaca 格式"},
    "train.layout_openai": {"en": "OpenAI JSONL", "zh": "OpenAI JSONL 格式"},
    "train.layout_sharegpt": {"en": "ShareGPT", "zh": "ShareGPT 格式"},
    "train.leaks": {
        "en": "{split}, against {test}: {rows} rows and {questions} questions compared, {left_out} "
        "left out; the nearest that is left is {nearest} alike (1 is the same).",
        "zh": "{split}，与 {test} 比对：{rows} 行和 {questions} 个问题，去掉 {left_out} 行；"
        "剩余中最接近的相似度为 {nearest}（1 为相同）。",
    },
    "train.leaks_none": {
        "en": "No test questions were given, so nothing was compared.",
        "zh": "没有提供测试问题，未作比对。",
    },
    "train.ledger_exposures": {"en": "Times seen", "zh": "出现次数"},
    "train.ledger_fact": {"en": "Fact", "zh": "知识点"},
    "train.ledger_held": {"en": "Held out", "zh": "留作测试"},
    "train.ledger_help": {
        "en": "How often a fact is seen is its rows times the epochs.",
        "zh": "知识点出现次数 = 行数 × 训练轮数。",
    },
    "train.ledger_tab": {"en": "Ledger of facts", "zh": "知识点账本"},
    "train.ledger_verdict": {"en": "Will it stick?", "zh": "能记住吗？"},
    "train.ledger_wordings": {"en": "Wordings", "zh": "问法数"},
    "train.left": {"en": "{time} left", "zh": "剩余 {time}"},
    "train.legend_read": {"en": "only read", "zh": "只供阅读"},
    "train.legend_stop": {
        "en": "stop token, learnt: here the answer ends",
        "zh": "停止符，参与学习：回答到此结束",
    },
    "train.legend_template": {"en": "put in by the chat template", "zh": "对话模板添加"},
    "train.legend_trained": {"en": "learnt", "zh": "参与学习"},
    "train.lengths": {"en": "Length of the rows", "zh": "各行长度"},
    "train.lengths_told": {
        "en": "Half of the rows have up to {median} tokens, the longest has {longest}. Limit {limit}; "
        "longer than that: {over}.",
        "zh": "一半的行不超过 {median} 个词元，最长 {longest} 个。上限 {limit}，超出的有 {over} 行。",
    },
    "train.lens": {"en": "Under the lens: what exactly is trained", "zh": "放大镜：究竟训练了哪些内容"},
    "train.lens_about": {
        "en": "Blue tokens are learnt, grey ones are only read. The colours come from the very "
        "function that the training calls.",
        "zh": "蓝色词元参与学习，灰色只供阅读。颜色由训练所调用的同一个函数给出。",
    },
    "train.lens_count": {
        "en": "{trained} of {tokens} tokens are trained",
        "zh": "{tokens} 个词元中训练 {trained} 个",
    },
    "train.lens_more": {"en": "… {count} more tokens", "zh": "……另有 {count} 个词元"},
    "train.log": {"en": "Log", "zh": "日志"},
    "train.log_empty": {"en": "Nothing printed yet.", "zh": "暂无输出。"},
    "train.loss": {"en": "Loss", "zh": "损失"},
    "train.loss_now": {"en": "loss {loss}", "zh": "损失 {loss}"},
    "train.lost_tab": {"en": "Not used, and leaks", "zh": "未采用与泄漏检查"},
    "train.lost_text": {"en": "About", "zh": "内容"},
    "train.machine": {
        "en": "On {device}, computing in {compute}; the longest row has {longest} tokens.",
        "zh": "设备 {device}，计算精度 {compute}；最长一行 {longest} 个词元。",
    },
    "train.made_of": {"en": "What it was made of", "zh": "训练信息"},
    "train.make_rows": {"en": "Make the rows", "zh": "生成数据"},
    "train.many_epochs": {
        "en": "{epochs} epochs are many for so few rows: the model tends to forget other things. Take "
        "about 6, or set early_stopping_patience.",
        "zh": "数据很少，{epochs} 轮偏多，模型容易忘掉其他知识。建议约 6 轮，或设置 "
        "early_stopping_patience。",
    },
    "train.max_dropped": {"en": "Rows that may be lost", "zh": "允许丢弃的比例"},
    "train.max_dropped_help": {
        "en": "More rows than this would be lost, so nothing is trained. If you have looked at the "
        "reasons and agree, raise the limit.",
        "zh": "丢弃的行超过此比例，因此不会开始训练。如果看过原因并接受，可以调高上限。",
    },
    "train.max_facts": {"en": "Facts at most", "zh": "知识点上限"},
    "train.max_facts_help": {
        "en": "0 takes all. Fewer facts, seen more often, stick better in a small model.",
        "zh": "0 表示全部。小模型上，少而反复的知识点记得更牢。",
    },
    "train.measuring": {"en": "Working out size and memory…", "zh": "正在计算规模和内存……"},
    "train.memory": {"en": "Memory at the peak", "zh": "峰值内存"},
    "train.memory_activations": {"en": "rows in work", "zh": "激活值"},
    "train.memory_copies": {"en": "copies", "zh": "精度副本"},
    "train.memory_gradients": {"en": "gradients", "zh": "梯度"},
    "train.memory_logits": {"en": "logits", "zh": "logits"},
    "train.memory_optimiser": {"en": "optimiser", "zh": "优化器"},
    "train.memory_part": {"en": "Part", "zh": "部分"},
    "train.memory_weights": {"en": "model", "zh": "模型权重"},
    "train.memory_working": {"en": "working space", "zh": "临时空间"},
    "train.minutes": {"en": "{count} min", "zh": "{count} 分钟"},
    "train.model": {"en": "Base model", "zh": "基础模型"},
    "train.model_help": {
        "en": "An adapter belongs to the model it was trained on. Models on this computer are offered.",
        "zh": "适配器只能用于训练它的模型。这里列出本机已有的模型。",
    },
    "train.more": {"en": "More", "zh": "更多"},
    "train.no_adapters": {
        "en": "No adapter yet. A run that passes its checks makes one; a PEFT folder from elsewhere "
        "can be imported.",
        "zh": "还没有适配器。训练通过检查后会自动生成，也可以导入其他 PEFT 文件夹。",
    },
    "train.no_data": {"en": "Choose data first.", "zh": "请先选择数据。"},
    "train.no_findings": {
        "en": "Nothing to remark: every row is used as it is.",
        "zh": "没有问题：所有行都原样使用。",
    },
    "train.no_number": {"en": "{text} is no number.", "zh": "{text} 不是数字。"},
    "train.no_runs": {"en": "No run yet. Begin with the data.", "zh": "还没有训练记录。请从选择数据开始。"},
    "train.no_source": {
        "en": "This row teaches no fact of a document: a general question, or one that no document answers.",
        "zh": "这一行不对应文档中的知识点：是通用问题，或文档中没有答案的问题。",
    },
    "train.no_thinking": {
        "en": "This model does not think before it answers, so there is nothing to choose about that.",
        "zh": "这个模型没有思考过程，无需选择。",
    },
    "train.notes": {"en": "Notes", "zh": "备注"},
    "train.nothing_to_ask": {
        "en": "No adapter can answer yet. Train one first.",
        "zh": "还没有可提问的适配器，请先训练一个。",
    },
    "train.off": {"en": "off", "zh": "关"},
    "train.offered": {
        "en": "Adapter **{name}** passed its checks and can answer now, without a restart.",
        "zh": "适配器 **{name}** 已通过检查，无需重启即可使用。",
    },
    "train.on": {"en": "on", "zh": "开"},
    "train.open": {"en": "Open", "zh": "打开"},
    "train.other_data": {"en": "Other data", "zh": "换数据"},
    "train.other_model": {
        "en": "The chat model is {chat}: an adapter of another model is kept, but cannot answer here "
        "until that one is the chat model.",
        "zh": "当前对话模型是 {chat}：其他模型的适配器会保存，但要等对话模型换成它之后才能使用。",
    },
    "train.outcome": {"en": "What", "zh": "结果"},
    "train.outcome_cut": {"en": "cut", "zh": "已截短"},
    "train.outcome_dropped": {"en": "left out", "zh": "未采用"},
    "train.outcome_noted": {"en": "noted", "zh": "提示"},
    "train.outcome_repaired": {"en": "repaired", "zh": "已修复"},
    "train.own_process": {
        "en": "The run is a process of its own: it goes on when you close this page. You can stop it "
        "at any step and go on later.",
        "zh": "训练在独立进程中进行，关闭页面也会继续。随时可以停止，之后再接着训练。",
    },
    "train.part": {"en": "Part {number}", "zh": "第 {number} 段"},
    "train.pick_runs": {
        "en": "Mark one run to open it, several to compare their curves.",
        "zh": "选中一条可打开，选中多条可比较曲线。",
    },
    "train.place": {"en": "Row", "zh": "位置"},
    "train.placeholders": {
        "en": "Placeholders that nobody filled in: {names}. Trained like this, the model would say them.",
        "zh": "发现未填写的占位符：{names}。如果直接训练，模型会原样说出它们。",
    },
    "train.preset_recommended": {"en": "Recommended", "zh": "推荐设置"},
    "train.preset_recommended_help": {
        "en": "Leaves rank, alpha, dropout, rate and batch open; they follow from the size of the "
        "model and the number of rows.",
        "zh": "秩、alpha、dropout、学习率和批大小留空，按模型大小和数据量自动确定。",
    },
    "train.preset_tutorial": {"en": "As in tutorials: r 8, alpha 32", "zh": "教程参数：r=8，alpha=32"},
    "train.preset_tutorial_help": {
        "en": "Rank 8, alpha 32, dropout 0.1, learning rate 1e-4: what most LoRA tutorials set.",
        "zh": "r=8、alpha=32、dropout=0.1、学习率 1e-4：多数 LoRA 教程的设置。",
    },
    "train.questions": {"en": "Questions, one a line", "zh": "问题，每行一个"},
    "train.questions_help": {
        "en": "These came with the data; change them as you like. Some should be about what was "
        "trained, some about other things, to see what was forgotten.",
        "zh": "这些问题随数据提供，可自行修改。最好既有训练过的内容，也有其他问题，以便看出是否遗忘。",
    },
    "train.ready": {
        "en": "Adapter **{name}** will be trained on **{data}**, for {model}.",
        "zh": "将用 **{data}** 为 {model} 训练适配器 **{name}**。",
    },
    "train.reason": {"en": "Why", "zh": "原因"},
    "train.recipe_facts": {"en": "Facts from documents", "zh": "文档中的知识"},
    "train.recipe_own": {"en": "Any other data", "zh": "其他数据"},
    "train.recipe_self_cognition": {"en": "A name and a maker", "zh": "名字与身份"},
    "train.recipe_voice": {"en": "A voice or style", "zh": "语气与风格"},
    "train.rejected": {"en": "Rejected answer", "zh": "较差的回答"},
    "train.remark": {"en": "Remark", "zh": "说明"},
    "train.rename": {"en": "Rename", "zh": "重命名"},
    "train.report_download": {"en": "Whole report", "zh": "下载完整报告"},
    "train.resume": {"en": "Go on", "zh": "继续训练"},
    "train.resume_anew": {
        "en": "There is no checkpoint yet, so it begins again.",
        "zh": "还没有检查点，将从头开始。",
    },
    "train.resume_from": {
        "en": "It goes on from step {step}, with the same order of rows.",
        "zh": "将从第 {step} 步继续，数据顺序不变。",
    },
    "train.row_answer": {"en": "Answer", "zh": "回答"},
    "train.row_file": {"en": "File", "zh": "文件"},
    "train.row_kind": {"en": "Kind", "zh": "类型"},
    "train.row_of": {"en": "Row (of {count})", "zh": "行号（共 {count} 行）"},
    "train.row_question": {"en": "Question", "zh": "问题"},
    "train.row_source": {"en": "Where does this row come from?", "zh": "查看一行的出处"},
    "train.row_split": {"en": "Used for", "zh": "用途"},
    "train.row_take": {"en": "Take", "zh": "采用"},
    "train.rows_language": {"en": "Language of the rows", "zh": "数据语言"},
    "train.rows_search": {"en": "Search", "zh": "搜索"},
    "train.rows_tab": {"en": "Rows", "zh": "数据行"},
    "train.rows_told": {
        "en": "{shown} of {found} rows shown, {all} in all. Type into a cell to change it; untick a "
        "row to leave it out.",
        "zh": "显示 {found} 行中的 {shown} 行，共 {all} 行。可直接修改单元格，取消勾选则不采用。",
    },
    "train.run": {"en": "Run", "zh": "训练"},
    "train.run_rows": {
        "en": "{rows} rows trained, {held} held out, {tokens} trained tokens a pass.",
        "zh": "训练 {rows} 行，留出 {held} 行，每轮训练 {tokens} 个词元。",
    },
    "train.running_for": {"en": "for {time}", "zh": "已用 {time}"},
    "train.sample_voice": {"en": "Try it with the ship captain's voice", "zh": "用“老船长”的口吻试一试"},
    "train.sample_voice_about": {
        "en": "Rows that come with Tandem, for a first try without a file of your own.",
        "zh": "Tandem 自带的示例数据，没有自己的文件也能先体验一遍。",
    },
    "train.seconds": {"en": "{count} s", "zh": "{count} 秒"},
    "train.setting": {"en": "Setting", "zh": "设置"},
    "train.settings_here": {"en": "these settings", "zh": "当前设置"},
    "train.several_gpus": {
        "en": "One choice is enough on one machine with several GPUs; the configuration for "
        "`accelerate launch` is ready.",
        "zh": "单机多 GPU 只需选择一项，`accelerate launch` 的配置已经备好。",
    },
    "train.share_open_book": {"en": "Rows with passages", "zh": "带段落的行"},
    "train.share_open_book_help": {
        "en": "Rows that show what the search finds and answer from it, or refuse where it lacks the "
        "answer. For each question from memory.",
        "zh": "给出检索到的段落并据此回答；段落中没有答案时拒答。相对于凭记忆回答的问题数。",
    },
    "train.share_replay": {"en": "General questions", "zh": "通用问题"},
    "train.share_replay_help": {
        "en": "Mixed in so that the model forgets less.",
        "zh": "混入通用问题以减少遗忘。",
    },
    "train.share_unknown": {"en": "Questions without answer", "zh": "无答案的问题"},
    "train.share_unknown_help": {
        "en": "Questions that no document answers, with a refusal.",
        "zh": "文档中没有答案的问题，教模型拒答。",
    },
    "train.split_held_document": {"en": "testing: unseen documents", "zh": "测试：未见文档"},
    "train.split_held_wording": {"en": "testing: unseen wordings", "zh": "测试：未见问法"},
    "train.split_train": {"en": "training", "zh": "训练"},
    "train.stage_check": {"en": "Comparing with the test questions", "zh": "与测试问题比对"},
    "train.stage_facts": {"en": "Finding facts", "zh": "提取知识点"},
    "train.stage_read": {"en": "Reading the documents", "zh": "读取文档"},
    "train.stage_save": {"en": "Saving", "zh": "保存"},
    "train.stage_search": {"en": "Searching passages for open-book rows", "zh": "为带段落的行检索"},
    "train.stage_wordings": {"en": "Putting facts into words", "zh": "生成多种问法"},
    "train.stage_write": {"en": "The model writes questions", "zh": "模型出题"},
    "train.start": {"en": "Start training", "zh": "开始训练"},
    "train.starting": {"en": "Preparing the rows…", "zh": "正在准备数据……"},
    "train.state": {"en": "State", "zh": "状态"},
    "train.state_checking": {"en": "Checking", "zh": "检查中"},
    "train.state_done": {"en": "Done", "zh": "已完成"},
    "train.state_failed": {"en": "Failed", "zh": "失败"},
    "train.state_interrupted": {"en": "Interrupted", "zh": "已中断"},
    "train.state_preparing": {"en": "Preparing", "zh": "准备中"},
    "train.state_running": {"en": "Training", "zh": "训练中"},
    "train.state_stopped": {"en": "Stopped", "zh": "已停止"},
    "train.step": {"en": "Step", "zh": "步"},
    "train.step_of": {"en": "step {step} of {total}", "zh": "第 {step} / {total} 步"},
    "train.steps": {"en": "Steps", "zh": "步数"},
    "train.steps_told": {
        "en": "**{steps} steps** of {batch} rows over {rows} rows; the rows to measure on are not among them.",
        "zh": "共 **{steps} 步**，每步 {batch} 行，训练 {rows} 行；用于评估的行不在其中。",
    },
    "train.steps_told_held": {
        "en": "**{steps} steps** of {batch} rows over {rows} rows; {held} rows are held out to measure on.",
        "zh": "共 **{steps} 步**，每步 {batch} 行，训练 {rows} 行；留出 {held} 行用于评估。",
    },
    "train.stop": {"en": "Stop", "zh": "停止"},
    "train.stop_help": {
        "en": "Ends after this step and keeps a checkpoint to go on from.",
        "zh": "完成当前步后停止，并保存检查点，之后可继续。",
    },
    "train.stopping": {"en": "Stopping after this step", "zh": "正在停止，完成当前步后生效"},
    "train.tab_adapters": {"en": "Adapters", "zh": "适配器"},
    "train.tab_ask": {"en": "Before / after", "zh": "训练前后对比"},
    "train.tab_data": {"en": "1 · Data", "zh": "1 · 数据"},
    "train.tab_run": {"en": "3 · Run", "zh": "3 · 训练"},
    "train.tab_runs": {"en": "All runs", "zh": "训练记录"},
    "train.tab_settings": {"en": "2 · Settings", "zh": "2 · 设置"},
    "train.take": {"en": "Use these rows", "zh": "使用这些数据"},
    "train.test_file": {"en": "Test set", "zh": "测试集"},
    "train.test_forget": {"en": "Do not compare any more", "zh": "不再比对"},
    "train.test_set": {"en": "Compare with a test set", "zh": "与测试集比对"},
    "train.test_set_about": {
        "en": "Questions of the test set must not be trained, or its scores mean nothing. Give the "
        "file, and rows that ask the same are listed.",
        "zh": "测试集中的问题不能用于训练，否则评测结果没有意义。上传测试集文件，重复的行会列出来。",
    },
    "train.thinking": {"en": "Thinking", "zh": "思考内容"},
    "train.thinking_empty": {"en": "Empty", "zh": "空思考"},
    "train.thinking_help": {
        "en": "This model thinks before it answers. Keep: rows with thoughts teach them, rows without "
        "teach no empty thoughts. Empty: rows without thoughts teach to answer at once. None: "
        "thoughts are taken out of the rows.",
        "zh": "这个模型会先思考再回答。“保留”：有思考的行照常学习，没有的行不会学到空思考。“空思考”："
        "没有思考的行教模型直接回答。“去除”：删掉数据里的思考内容。",
    },
    "train.thinking_keep": {"en": "Keep", "zh": "保留"},
    "train.thinking_none": {"en": "None", "zh": "去除"},
    "train.time": {"en": "Time", "zh": "用时"},
    "train.title": {"en": "Train", "zh": "训练"},
    "train.to_data": {"en": "To the data", "zh": "去选数据"},
    "train.to_run": {"en": "Next: run", "zh": "下一步：训练"},
    "train.to_settings": {"en": "Next: settings", "zh": "下一步：设置"},
    "train.tokens_of_row": {"en": "tokens of a row", "zh": "每行词元数"},
    "train.tokens_told": {
        "en": "{trained} of {tokens} tokens are learnt, {percent} %; the rest is only read.",
        "zh": "{tokens} 个词元中学习 {trained} 个（{percent}%），其余只供阅读。",
    },
    "train.train_on": {"en": "What is trained", "zh": "训练哪些内容"},
    "train.train_on_all": {"en": "Everything", "zh": "全部"},
    "train.train_on_assistant": {"en": "Answers only", "zh": "仅回答"},
    "train.train_on_help": {
        "en": "Answers only is right for nearly all data. Last answer: earlier turns are context. "
        "Everything: questions too, as for plain text.",
        "zh": "几乎所有数据都应选“仅回答”。“最后一个回答”：之前的轮次只作上下文。“全部”：连问题也训练，"
        "适用于纯文本。",
    },
    "train.train_on_last": {"en": "Last answer", "zh": "最后一个回答"},
    "train.trainable": {
        "en": "Trains **{trainable}** of {total} parameters, **{percent} %**.",
        "zh": "训练 {total} 个参数中的 **{trainable}** 个，占 **{percent}%**。",
    },
    "train.upload": {"en": "Dataset files", "zh": "数据文件"},
    "train.upload_formats": {
        "en": "Alpaca, ShareGPT, OpenAI messages, prompt and response, preferences (DPO, KTO) or plain "
        "text, as JSON, JSONL, CSV, Parquet or TXT. The layout is recognised by itself. Several "
        "files may be given together with their dataset_info.json.",
        "zh": "支持 Alpaca、ShareGPT、OpenAI messages、prompt/response、偏好数据（DPO、KTO）和纯文本，"
        "格式可为 JSON、JSONL、CSV、Parquet 或 TXT，布局自动识别。多个文件可与 dataset_info.json "
        "一起上传。",
    },
    "train.use": {"en": "Use", "zh": "使用"},
    "train.use_in_ask": {"en": "Use in Ask", "zh": "在“提问”中使用"},
    "train.use_in_compare": {"en": "Use in Compare", "zh": "在“对比”中使用"},
    "train.use_rows": {"en": "Train on these rows", "zh": "用这些数据训练"},
    "train.verdict_likely": {"en": "likely to stick", "zh": "很可能记住"},
    "train.verdict_not_trained": {"en": "not trained", "zh": "未训练"},
    "train.verdict_uncertain": {"en": "uncertain", "zh": "不确定"},
    "train.verdict_unlikely": {"en": "unlikely", "zh": "难以记住"},
    "train.what": {"en": "What should the model learn?", "zh": "想让模型学会什么？"},
    "train.wordings": {"en": "Wordings of each fact", "zh": "每个知识点的问法数"},
    "train.wordings_help": {
        "en": "One wording teaches almost nothing; 10 and more make a fact stick.",
        "zh": "只有一种问法几乎学不会；10 种以上才记得牢。",
    },
    "train.writer": {"en": "Who writes the questions", "zh": "由谁出题"},
    "train.writer_auto": {"en": "As the model allows", "zh": "视模型而定"},
    "train.writer_help": {
        "en": "Rules work with any model. A large chat model writes further questions; each is checked "
        "against its passage.",
        "zh": "规则适用于任何模型。较大的对话模型可以再写一些问题，每个都会与原文核对。",
    },
    "train.writer_model": {"en": "Rules and model", "zh": "规则与模型"},
    "train.writer_rules": {"en": "Rules", "zh": "规则"},
    "train.yaml_about": {
        "en": "Repeats the run with `tandem train run.yaml`. A LLaMA-Factory YAML can be read too; "
        "what does not apply is named.",
        "zh": "用 `tandem train run.yaml` 可重复本次训练。也可读取 LLaMA-Factory 的 YAML，不适用的项会列出。",
    },
    "train.yaml_download": {"en": "Download", "zh": "下载"},
    "train.yaml_upload": {"en": "Read settings from a file", "zh": "从文件读取设置"},
}
