"""Step 1 of the page Train, rows built from documents."""

TEXT: dict[str, dict[str, str]] = {
    "train.all_rows": {"en": "all", "zh": "全部"},
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
    "train.export_zip": {"en": "Download as ZIP", "zh": "下载 ZIP"},
    "train.export_zip_about": {
        "en": "With a dataset_info.json, so that LLaMA-Factory takes it as it is.",
        "zh": "附带 dataset_info.json，LLaMA-Factory 可直接使用。",
    },
    "train.field_num_train_epochs": {"en": "Epochs", "zh": "训练轮数（epochs）"},
    "train.kind_closed": {"en": "from memory", "zh": "凭记忆"},
    "train.kind_open_hit": {"en": "with passages", "zh": "带段落"},
    "train.kind_open_miss": {"en": "passages lack it", "zh": "段落中没有"},
    "train.kind_replay": {"en": "general", "zh": "通用"},
    "train.kind_unknown": {"en": "not in documents", "zh": "文档中没有"},
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
    "train.lost_tab": {"en": "Not used, and leaks", "zh": "未采用与泄漏检查"},
    "train.lost_text": {"en": "About", "zh": "内容"},
    "train.max_facts": {"en": "Facts at most", "zh": "知识点上限"},
    "train.max_facts_help": {
        "en": "0 takes all. Fewer facts, seen more often, stick better in a small model.",
        "zh": "0 表示全部。小模型上，少而反复的知识点记得更牢。",
    },
    "train.no_source": {
        "en": "This row teaches no fact of a document: a general question, or one that no document answers.",
        "zh": "这一行不对应文档中的知识点：是通用问题，或文档中没有答案的问题。",
    },
    "train.row_answer": {"en": "Answer", "zh": "回答"},
    "train.row_file": {"en": "File", "zh": "文件"},
    "train.row_kind": {"en": "Kind", "zh": "类型"},
    "train.row_question": {"en": "Question", "zh": "问题"},
    "train.row_source": {"en": "Where does this row come from?", "zh": "查看一行的出处"},
    "train.row_split": {"en": "Used for", "zh": "用途"},
    "train.row_take": {"en": "Take", "zh": "采用"},
    "train.rows_search": {"en": "Search", "zh": "搜索"},
    "train.rows_tab": {"en": "Rows", "zh": "数据行"},
    "train.rows_told": {
        "en": "{shown} of {found} rows shown, {all} in all. Type into a cell to change it; untick a "
        "row to leave it out.",
        "zh": "显示 {found} 行中的 {shown} 行，共 {all} 行。可直接修改单元格，取消勾选则不采用。",
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
    "train.use_rows": {"en": "Train on these rows", "zh": "用这些数据训练"},
    "train.verdict_likely": {"en": "likely to stick", "zh": "很可能记住"},
    "train.verdict_not_trained": {"en": "not trained", "zh": "未训练"},
    "train.verdict_uncertain": {"en": "uncertain", "zh": "不确定"},
    "train.verdict_unlikely": {"en": "unlikely", "zh": "难以记住"},
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
}
