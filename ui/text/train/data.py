"""Step 1 of the page Train: datasets, preflight, lens."""

TEXT: dict[str, dict[str, str]] = {
    "train.about_facts": {
        "en": "Questions and answers are made from a knowledge base, each with its source, for answers "
        "without looking things up.",
        "zh": "从知识库自动生成带出处的问答数据，训练后无需检索也能回答。",
    },
    "train.about_own": {
        "en": "A file in any usual layout, or a LLaMA-Factory folder with its dataset_info.json.",
        "zh": "任意常见格式的数据文件，或带有 dataset_info.json 的 LLaMA-Factory 数据目录。",
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
    "train.assistant_maker": {"en": "Who made it", "zh": "开发者"},
    "train.assistant_name": {"en": "Name of the assistant", "zh": "助手的名字"},
    "train.check_again": {"en": "Check again", "zh": "重新检查"},
    "train.choose": {"en": "Choose", "zh": "选择"},
    "train.chosen": {"en": "Preferred answer", "zh": "更好的回答"},
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
    "train.count_rows_help": {"en": "All rows of the file.", "zh": "文件中的全部行。"},
    "train.entry": {"en": "Entry of dataset_info.json", "zh": "dataset_info.json 中的条目"},
    "train.entry_help": {
        "en": "The file describes several datasets; one of them is trained.",
        "zh": "该文件描述了多个数据集，训练时只用其中一个。",
    },
    "train.examining": {"en": "Reading and checking every row…", "zh": "正在读取并检查每一行……"},
    "train.fill": {"en": "Fill them in", "zh": "填入"},
    "train.findings": {"en": "What happened to which row", "zh": "逐行检查结果"},
    "train.findings_more": {
        "en": "… and {count} more, all in the download.",
        "zh": "……另有 {count} 条，全部在下载文件中。",
    },
    "train.folder": {"en": "Or a file or folder on this computer", "zh": "或本机上的文件、文件夹"},
    "train.folder_hint": {"en": "/home/me/LLaMA-Factory/data", "zh": "/home/me/LLaMA-Factory/data"},
    "train.kept": {"en": "Data you have", "zh": "已有数据"},
    "train.language_both": {"en": "Both", "zh": "中英双语"},
    "train.language_en": {"en": "English", "zh": "英文"},
    "train.language_zh": {"en": "Chinese", "zh": "中文"},
    "train.legend_read": {"en": "only read", "zh": "只供阅读"},
    "train.legend_stop": {
        "en": "stop token, learnt: here the answer ends",
        "zh": "停止符，参与学习：回答到此结束",
    },
    "train.legend_template": {"en": "put in by the chat template", "zh": "对话模板添加"},
    "train.legend_trained": {"en": "learnt", "zh": "参与学习"},
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
    "train.make_rows": {"en": "Make the rows", "zh": "生成数据"},
    "train.max_dropped": {"en": "Rows that may be lost", "zh": "允许丢弃的比例"},
    "train.max_dropped_help": {
        "en": "More rows than this would be lost, so nothing is trained. If you have looked at the "
        "reasons and agree, raise the limit.",
        "zh": "丢弃的行超过此比例，因此不会开始训练。如果看过原因并接受，可以调高上限。",
    },
    "train.no_findings": {
        "en": "Nothing to remark: every row is used as it is.",
        "zh": "没有问题：所有行都原样使用。",
    },
    "train.no_thinking": {
        "en": "This model does not think before it answers, so there is nothing to choose about that.",
        "zh": "这个模型没有思考过程，无需选择。",
    },
    "train.other_data": {"en": "Other data", "zh": "换数据"},
    "train.outcome": {"en": "What", "zh": "结果"},
    "train.outcome_cut": {"en": "cut", "zh": "已截短"},
    "train.outcome_dropped": {"en": "left out", "zh": "未采用"},
    "train.outcome_noted": {"en": "noted", "zh": "提示"},
    "train.outcome_repaired": {"en": "repaired", "zh": "已修复"},
    "train.part": {"en": "Part {number}", "zh": "第 {number} 段"},
    "train.place": {"en": "Row", "zh": "位置"},
    "train.placeholders": {
        "en": "Placeholders that nobody filled in: {names}. Trained like this, the model would say them.",
        "zh": "发现未填写的占位符：{names}。如果直接训练，模型会原样说出它们。",
    },
    "train.recipe_facts": {"en": "Facts from documents", "zh": "文档中的知识"},
    "train.recipe_own": {"en": "Any other data", "zh": "其他数据"},
    "train.recipe_self_cognition": {"en": "A name and a maker", "zh": "名字与身份"},
    "train.recipe_voice": {"en": "A voice or style", "zh": "语气与风格"},
    "train.rejected": {"en": "Rejected answer", "zh": "较差的回答"},
    "train.report_download": {"en": "Whole report", "zh": "下载完整报告"},
    "train.row_of": {"en": "Row (of {count})", "zh": "行号（共 {count} 行）"},
    "train.rows_language": {"en": "Language of the rows", "zh": "数据语言"},
    "train.sample_voice": {"en": "Try it with the ship captain's voice", "zh": "用“老船长”的口吻试一试"},
    "train.sample_voice_about": {
        "en": "Rows that come with Tandem, for a first try without a file of your own.",
        "zh": "Tandem 自带的示例数据，没有自己的文件也能先体验一遍。",
    },
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
    "train.to_settings": {"en": "Next: settings", "zh": "下一步：设置"},
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
    "train.what": {"en": "What should the model learn?", "zh": "想让模型学会什么？"},
}
