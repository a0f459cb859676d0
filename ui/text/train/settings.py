"""Step 2 of the page Train: settings and memory."""

TEXT: dict[str, dict[str, str]] = {
    "train.as_yaml": {"en": "Settings as a file (YAML)", "zh": "以文件保存设置（YAML）"},
    "train.auto": {"en": "chosen for you", "zh": "自动"},
    "train.auto_value": {"en": "auto: {value}", "zh": "自动：{value}"},
    "train.field_learning_rate": {"en": "Learning rate", "zh": "学习率"},
    "train.field_lora_alpha": {"en": "LoRA alpha", "zh": "LoRA 缩放（alpha）"},
    "train.field_lora_r": {"en": "LoRA rank (r)", "zh": "LoRA 秩（r）"},
    "train.field_max_length": {"en": "Cutoff length", "zh": "最大长度（cutoff）"},
    "train.field_per_device_train_batch_size": {"en": "Batch size", "zh": "批大小（batch）"},
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
        "en": "How often every row is seen. 3 suits a style with hundreds of rows, 6 one with a few dozen, 5 "
        "to 10 facts in many wordings; for a name and a maker about 6: more makes the model forget "
        "other things.",
        "zh": "每行数据学习几遍。风格类数百行时 3 遍，几十行时 6 遍；知识类（多种问法）5 到 10 遍；"
        "名字与身份约 6 遍，再多会让模型忘掉其他知识。",
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
    "train.help_replay": {
        "en": "Mixes in general questions of Tandem's own, so many for each row, so that the model keeps "
        "what it knew. 0 mixes in none, 1 as many as there are rows.",
        "zh": "按行数的比例混入 Tandem 自带的常识问答，防止模型遗忘原有知识。0 表示不混入，1 表示与数据行数相同。",
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
    "train.machine": {
        "en": "On {device}, computing in {compute}; the longest row has {longest} tokens.",
        "zh": "设备 {device}，计算精度 {compute}；最长一行 {longest} 个词元。",
    },
    "train.many_epochs": {
        "en": "{epochs} epochs are many for so few rows: the model tends to forget other things. Take "
        "about 6, or set early_stopping_patience.",
        "zh": "数据很少，{epochs} 轮偏多，模型容易忘掉其他知识。建议约 6 轮，或设置 "
        "early_stopping_patience。",
    },
    "train.measuring": {"en": "Working out size and memory…", "zh": "正在计算规模和内存……"},
    "train.memory_activations": {"en": "rows in work", "zh": "激活值"},
    "train.memory_copies": {"en": "copies", "zh": "精度副本"},
    "train.memory_gradients": {"en": "gradients", "zh": "梯度"},
    "train.memory_logits": {"en": "logits", "zh": "logits"},
    "train.memory_optimiser": {"en": "optimiser", "zh": "优化器"},
    "train.memory_weights": {"en": "model", "zh": "模型权重"},
    "train.memory_working": {"en": "working space", "zh": "临时空间"},
    "train.model": {"en": "Base model", "zh": "基础模型"},
    "train.model_help": {
        "en": "An adapter belongs to the model it was trained on. Models on this computer are offered.",
        "zh": "适配器只能用于训练它的模型。这里列出本机已有的模型。",
    },
    "train.no_data": {"en": "Choose data first.", "zh": "请先选择数据。"},
    "train.off": {"en": "off", "zh": "关"},
    "train.on": {"en": "on", "zh": "开"},
    "train.other_model": {
        "en": "The chat model is {chat}: an adapter of another model is kept, but cannot answer here "
        "until that one is the chat model.",
        "zh": "当前对话模型是 {chat}：其他模型的适配器会保存，但要等对话模型换成它之后才能使用。",
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
    "train.several_gpus": {
        "en": "One choice is enough on one machine with several GPUs; the configuration for "
        "`accelerate launch` is ready.",
        "zh": "单机多 GPU 只需选择一项，`accelerate launch` 的配置已经备好。",
    },
    "train.steps_told": {
        "en": "**{steps} steps** of {batch} rows over {rows} rows; the rows to measure on are not among them.",
        "zh": "共 **{steps} 步**，每步 {batch} 行，训练 {rows} 行；用于评估的行不在其中。",
    },
    "train.steps_told_held": {
        "en": "**{steps} steps** of {batch} rows over {rows} rows; {held} rows are held out to measure on.",
        "zh": "共 **{steps} 步**，每步 {batch} 行，训练 {rows} 行；留出 {held} 行用于评估。",
    },
    "train.to_data": {"en": "To the data", "zh": "去选数据"},
    "train.to_run": {"en": "Next: run", "zh": "下一步：训练"},
    "train.yaml_about": {
        "en": "Repeats the run with `tandem train run.yaml`. A LLaMA-Factory YAML can be read too; "
        "what does not apply is named.",
        "zh": "用 `tandem train run.yaml` 可重复本次训练。也可读取 LLaMA-Factory 的 YAML，不适用的项会列出。",
    },
    "train.yaml_download": {"en": "Download", "zh": "下载"},
    "train.yaml_upload": {"en": "Read settings from a file", "zh": "从文件读取设置"},
}
