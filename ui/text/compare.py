"""What page Compare says beyond its first words, in both languages."""

TEXT: dict[str, dict[str, str]] = {
    "ask.arm": {"en": "Answers come from: {arm}", "zh": "当前由以下方式回答：{arm}"},
    "board.export_likes": {"en": "Likes and dislikes ({count})", "zh": "喜欢与不喜欢（{count}）"},
    "board.export_note": {
        "en": "Corrected answers train by SFT, preferences by DPO, likes and dislikes by KTO. The question of a row stands "
        "alone, without passages.",
        "zh": "改正的回答用于 SFT，偏好用于 DPO，喜欢与不喜欢用于 KTO。每条数据只含问题本身，不含检索到的段落。",
    },
    "board.files": {"en": "Votes as files", "zh": "导出投票"},
    "board.models_named": {"en": "arms that name their models", "zh": "自带模型的方式"},
    "board.train": {"en": "Train on the votes", "zh": "用投票训练"},
    "board.train_about": {
        "en": "One click makes a dataset of them, with where each row comes from, and opens it on the page Train. The "
        "adapter that is trained on it appears here as a further arm.",
        "zh": "一键生成数据集（每条都带出处），并在“训练”页面打开。训练得到的适配器会作为新的方式出现在这里。",
    },
    "board.train_corrected": {
        "en": "Train on corrected answers ({count})",
        "zh": "用改正的回答训练（{count}）",
    },
    "board.train_corrected_name": {"en": "Votes: corrected answers", "zh": "投票：改正的回答"},
    "board.train_likes": {"en": "Train on likes ({count})", "zh": "用喜欢与不喜欢训练（{count}）"},
    "board.train_likes_name": {"en": "Votes: likes and dislikes", "zh": "投票：喜欢与不喜欢"},
    "board.train_preferences": {"en": "Train on preferences ({count})", "zh": "用偏好训练（{count}）"},
    "board.train_preferences_name": {"en": "Votes: preferences", "zh": "投票：偏好"},
    "board.weights": {
        "en": "An adapter was trained anew under its old name. Votes on its earlier and later weights are counted apart; "
        "the letters and digits after the name are the beginning of the weights' SHA-256.",
        "zh": "有适配器以原名重新训练过。新旧权重的投票分开统计，名称后的字符是权重 SHA-256 的开头。",
    },
    "compare.add": {"en": "Another arm", "zh": "添加方式"},
    "compare.add_about": {
        "en": "An arm of your own: another model, adapter, knowledge base, or way of searching. Two arms that differ in "
        "one thing show what that thing does.",
        "zh": "自定义一种方式：换一个模型、适配器、知识库或检索设置。两种方式只差一项时，最能看出这一项的作用。",
    },
    "compare.add_adapter": {"en": "Adapter", "zh": "适配器"},
    "compare.add_adapter_none": {"en": "none", "zh": "不使用"},
    "compare.add_bases": {"en": "Knowledge bases", "zh": "知识库"},
    "compare.add_documents": {"en": "Looks things up in the documents", "zh": "检索文档"},
    "compare.add_done": {"en": "Add", "zh": "添加"},
    "compare.add_here": {"en": "as chosen on the page", "zh": "与页面上的选择一致"},
    "compare.add_mode": {"en": "Search by", "zh": "检索方式"},
    "compare.add_model": {"en": "Model", "zh": "模型"},
    "compare.add_model_beside": {
        "en": "Another model is loaded beside the first and needs its own memory.",
        "zh": "另一个模型会与当前模型同时加载，需要额外内存。",
    },
    "compare.add_passages": {"en": "Passages", "zh": "段落数"},
    "compare.arm_passages": {"en": "{count} passages", "zh": "{count} 个段落"},
    "compare.corrected_help": {
        "en": "Becomes a row of training data; see the leaderboard.",
        "zh": "会成为一条训练数据，见排行榜页。",
    },
    "compare.cut": {
        "en": "{count} tokens of passages or history did not fit the model and were left out, the least relevant first.",
        "zh": "有 {count} 个词元的段落或历史超出模型上限，已从相关度最低的开始略去。",
    },
    "compare.cut_about": {
        "en": "About {count} tokens of passages or history did not fit the model and were left out, the least relevant "
        "first.",
        "zh": "约有 {count} 个词元的段落或历史超出模型上限，已从相关度最低的开始略去。",
    },
    "compare.diff": {"en": "What differs", "zh": "差异"},
    "compare.diff_first": {"en": "From", "zh": "从"},
    "compare.diff_legend": {
        "en": "struck out: only in {first}; underlined: only in {second}; {percent} % in common",
        "zh": "删除线：仅 {first} 有；下划线：仅 {second} 有；相同部分占 {percent}%",
    },
    "compare.diff_none": {"en": "Both say the same, word for word.", "zh": "两个回答逐字相同。"},
    "compare.diff_second": {"en": "to", "zh": "到"},
    "compare.failed_hidden": {
        "en": "This arm could not answer. The reason is shown together with the names.",
        "zh": "这一方式未能作答，原因将与名称一同揭晓。",
    },
    "compare.memory": {
        "en": "peak memory {peak} ({own} its own)",
        "zh": "内存峰值 {peak}（本回答占 {own}）",
    },
    "compare.memory_help": {
        "en": "The peak is that of the whole process while the arms answered: they share one model, so it says nothing "
        "of one arm alone. What an answer took itself are the keys and values of its tokens.",
        "zh": "峰值是各方式作答期间整个进程的内存：它们共用一个模型，因此不代表单个方式。“本回答占”是其词元的键和值所占的内存。",
    },
    "compare.same_as_base": {
        "en": "This adapter changes nothing: with it the model computes the same as without.",
        "zh": "该适配器没有任何作用：启用后模型的计算结果与不启用时相同。",
    },
    "compare.to_ask": {"en": "Go on in Ask", "zh": "在“提问”中继续"},
    "compare.to_ask_help": {
        "en": "Begins a conversation with this answer; your next questions go to the same arm.",
        "zh": "以这个回答开始一段对话，之后的提问仍由同一种方式回答。",
    },
    "compare.which_best": {"en": "Which answer is best?", "zh": "哪个回答最好？"},
    "why.adapter_check": {"en": "Adapter self-test", "zh": "适配器自检"},
    "why.adapter_check_told": {
        "en": "changes the base's logits by up to {changed}; the base beside it is the same to the bit",
        "zh": "对基础模型输出（logits）的最大改变为 {changed}；同批中的基础模型逐位不变",
    },
    "why.adapter_hash": {"en": "Adapter SHA-256", "zh": "适配器 SHA-256"},
}
