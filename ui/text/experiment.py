"""The page Experiment, in both languages."""

from assistant.messages import Language

TEXT: dict[str, dict[Language, str]] = {
    "experiment.about": {
        "en": "An experiment asks a set of questions of several arms and says what is known, how surely, and what "
        "to do next. No other model is needed to score.",
        "zh": "实验用一组问题考察多种方式，说明能得出什么结论、有多大把握，以及下一步该怎么做。评分不需要其他模型。",
    },
    "experiment.adapter_cost": {
        "en": "Trained in {minutes} minutes on {rows} rows, with {memory} GB of memory at most.",
        "zh": "训练用时 {minutes} 分钟，共 {rows} 条数据，内存峰值 {memory} GB。",
    },
    "experiment.adapter_gone": {
        "en": "Nothing is known of it: it was not on disk when the experiment began.",
        "zh": "没有它的资料：实验开始时磁盘上没有这个适配器。",
    },
    "experiment.again": {"en": "Ask anew", "zh": "重新提问"},
    "experiment.again_help": {
        "en": "Puts the same questions to the same arms as a new experiment. The way on where model, documents or program "
        "have changed since this one began.",
        "zh": "以同样的问题和方式新建一个实验。开始之后模型、文档或程序有变化时，请用此方式。",
    },
    "experiment.analysing": {"en": "Working out the intervals", "zh": "正在计算区间"},
    "experiment.arm_base": {"en": "Base", "zh": "基础模型"},
    "experiment.arm_rag": {"en": "RAG", "zh": "检索（RAG）"},
    "experiment.arm_rag_sft": {"en": "RAG + SFT {adapter}", "zh": "检索 + 微调 {adapter}"},
    "experiment.arm_sft": {"en": "SFT {adapter}", "zh": "微调 {adapter}"},
    "experiment.arms_number": {"en": "Choose two arms or more.", "zh": "请至少选择两种方式。"},
    "experiment.as_asked": {"en": "As asked in the experiment", "zh": "实验中的回答"},
    "experiment.board_about": {
        "en": "{metric}, out of 100. Green: a gain is shown, also by p (Holm); red: a loss; grey: neither.",
        "zh": "{metric}，满分 100。绿色表示确有提升（按 p（Holm 校正）也成立），红色表示确有下降，灰色表示都不能确定。",
    },
    "experiment.busy": {
        "en": "Experiment {number} is running; one runs at a time.",
        "zh": "实验 {number} 正在运行；同一时间只能运行一个。",
    },
    "experiment.cause": {"en": "Why", "zh": "原因"},
    "experiment.contrast_first": {"en": "… than this?", "zh": "……比这一种更好？"},
    "experiment.contrast_same": {"en": "Choose two different arms.", "zh": "请选择两种不同的方式。"},
    "experiment.contrast_second": {"en": "Is this better …", "zh": "要回答的问题：这一种……"},
    "experiment.costs": {"en": "Time, memory, energy", "zh": "用时、内存与能耗"},
    "experiment.costs_about": {
        "en": "Measured on answers that were made one at a time; all others were made together and are not timed.",
        "zh": "只统计逐个生成的回答；其余回答同时生成，不计时。",
    },
    "experiment.count": {"en": "How many of them", "zh": "使用多少个问题"},
    "experiment.count_help": {
        "en": "Drawn at random, answerable and unanswerable ones in the same proportion as in the whole set.",
        "zh": "随机抽取，可回答与不可回答的比例与整个问题集相同。",
    },
    "experiment.counted": {
        "en": "{questions} questions: {answerable} with an answer in the documents, {unanswerable} without.",
        "zh": "{questions} 个问题：{answerable} 个在文档中有答案，{unanswerable} 个没有。",
    },
    "experiment.declared": {"en": "Declared before the first answer", "zh": "开始之前先声明"},
    "experiment.declared_help": {
        "en": "One metric and one pair of arms decide. Whoever looks at all of them and then picks one finds a "
        "difference by chance.",
        "zh": "由一个指标和一对方式决定结论。看过所有结果再挑一个，总能碰巧找到差别。",
    },
    "experiment.delete": {"en": "Delete experiment", "zh": "删除实验"},
    "experiment.delete_question": {
        "en": "Delete **{name}** with all its answers? This cannot be undone.",
        "zh": "删除 **{name}** 及其全部回答？此操作无法撤销。",
    },
    "experiment.download_csv": {"en": "Scores (CSV)", "zh": "评分（CSV）"},
    "experiment.download_html": {"en": "Report (HTML)", "zh": "报告（HTML）"},
    "experiment.download_json": {"en": "Everything (JSON)", "zh": "全部数据（JSON）"},
    "experiment.effects_about": {
        "en": "What each step adds, on {questions} questions, with 95 % intervals; coloured where p (Holm) is at most "
        "0.05 as well.",
        "zh": "每一步带来的变化（{questions} 个问题，95% 区间）；p（Holm 校正）也不超过 0.05 的才着色。",
    },
    "experiment.erased": {
        "en": "The knowledge base of this experiment was deleted, and its passages and answers with it. "
        "The scores are left.",
        "zh": "此实验的知识库已被删除，相关段落和回答也一并删除，只保留了评分。",
    },
    "experiment.evidence": {"en": "Stands in {source}: “{quote}”", "zh": "出自 {source}：“{quote}”"},
    "experiment.evidence_quote": {"en": "In the documents: “{quote}”", "zh": "文档中的原文：“{quote}”"},
    "experiment.evidence_source": {"en": "Stands in {source}", "zh": "出自 {source}"},
    "experiment.failed": {
        "en": "{count} answers failed; they are counted and not scored.",
        "zh": "{count} 个回答出错；只计数，不评分。",
    },
    "experiment.few_scored": {
        "en": "Too few scores to show a mean: {names}.",
        "zh": "评分太少，不显示均值：{names}。",
    },
    "experiment.flip_gained": {"en": "Gained ({count})", "zh": "变好（{count}）"},
    "experiment.flip_kind": {"en": "Which questions", "zh": "哪些问题"},
    "experiment.flip_lost": {"en": "Lost ({count})", "zh": "变差（{count}）"},
    "experiment.flip_none": {"en": "There is no such question.", "zh": "没有这样的问题。"},
    "experiment.flip_pair": {"en": "From one arm to another", "zh": "从一种方式到另一种"},
    "experiment.flip_same": {"en": "Unchanged ({count})", "zh": "不变（{count}）"},
    "experiment.found": {"en": "{count} passages found", "zh": "检索到 {count} 个段落"},
    "experiment.group_rag_sft": {"en": "RAG + SFT (mean of runs)", "zh": "检索 + 微调（多次训练平均）"},
    "experiment.group_sft": {"en": "SFT (mean of runs)", "zh": "微调（多次训练平均）"},
    "experiment.holds_evidence": {"en": "holds the answer", "zh": "含有答案"},
    "experiment.interaction_about": {
        "en": "Interaction below 0: retrieval and fine-tuning get in each other's way; above 0: they help each other.",
        "zh": "交互作用小于 0 表示检索与微调相互妨碍，大于 0 表示相互促进。",
    },
    "experiment.judge_about": {
        "en": "Optional. A judge compares the declared pair in both orders, by the probabilities of single letters. "
        "It must first pass an exam on this machine: say the same twice, say the same when the answers change "
        "places, and find planted errors.",
        "zh": "可选。评判模型按单个字母的概率，以两种先后顺序比较所声明的一对回答。它须先在本机通过考试："
        "两次结论一致、交换位置后结论一致、能找出故意植入的错误。",
    },
    "experiment.judge_counts": {
        "en": "{inconsistent} pairs were judged differently when the answers changed places and count as ties; "
        "{unread} could not be read.",
        "zh": "有 {inconsistent} 对在交换位置后结论不同，按平局计；{unread} 对无法读取。",
    },
    "experiment.judge_failed": {
        "en": "It did not pass its exam. It judges nothing, and nothing it says is counted.",
        "zh": "未通过考试：不参与评判，其结论不计入结果。",
    },
    "experiment.judge_few": {
        "en": "Against {first}, {second} wins {wins}, loses {losses} and ties {ties}; {count} pairs are too few for more.",
        "zh": "{second}相对{first}胜 {wins}、负 {losses}、平 {ties}；只有 {count} 对，太少，不作结论。",
    },
    "experiment.judge_key": {"en": "Key, if it wants one", "zh": "密钥（如需要）"},
    "experiment.judge_local": {"en": "A model on this machine", "zh": "本机模型"},
    "experiment.judge_model": {"en": "Model", "zh": "模型"},
    "experiment.judge_part": {"en": "Exam", "zh": "考试项目"},
    "experiment.judge_part_planted": {
        "en": "prefers the right answer to a planted error",
        "zh": "识别植入的错误",
    },
    "experiment.judge_part_repeat": {"en": "says the same twice", "zh": "重复提问结论一致"},
    "experiment.judge_part_swap": {
        "en": "says the same when the answers change places",
        "zh": "交换位置结论一致",
    },
    "experiment.judge_passed": {"en": "It passed its exam.", "zh": "已通过考试。"},
    "experiment.judge_right": {"en": "Passed", "zh": "通过"},
    "experiment.judge_scores": {
        "en": "Against {first}, {second} wins {wins}, loses {losses} and ties {ties} of {count} pairs: "
        "{points} points (95 % interval {low} to {high}).",
        "zh": "在 {count} 对回答中，{second}相对{first}胜 {wins}、负 {losses}、平 {ties}："
        "{points} 个百分点（95% 区间 {low} 至 {high}）。",
    },
    "experiment.judge_server": {"en": "A server", "zh": "服务器"},
    "experiment.judge_server_note": {
        "en": "Questions, references and answers are sent to this server.",
        "zh": "问题、参考答案和回答会发送到该服务器。",
    },
    "experiment.judge_start": {"en": "Hold the exam and judge", "zh": "开始考试并评判"},
    "experiment.judge_url": {"en": "Address (OpenAI-compatible)", "zh": "地址（兼容 OpenAI）"},
    "experiment.judge_where": {"en": "Judge", "zh": "评判模型"},
    "experiment.kinds_about": {
        "en": "{metric} by kind of question, with 95 % intervals; the number of questions stands in brackets.",
        "zh": "按问题类别列出的“{metric}”及 95% 区间；括号内为问题数。",
    },
    "experiment.kinds_more": {"en": "{count} more kinds are in the report.", "zh": "另有 {count} 类见报告。"},
    "experiment.kinds_none": {"en": "All questions are of one kind.", "zh": "所有问题属于同一类。"},
    "experiment.knowledge_about": {
        "en": "Right answers are asked for again: without passages, with another question's passages, and with "
        "passages in which the answer is changed. What then changes shows where the knowledge came from.",
        "zh": "对答对的问题再次提问：去掉段落、换成其他问题的段落、改动段落中的答案。答案随之如何变化，"
        "就说明知识来自哪里。",
    },
    "experiment.knowledge_again": {"en": "Look into more", "zh": "继续考察"},
    "experiment.knowledge_limit": {"en": "Right answers per arm", "zh": "每种方式考察多少个"},
    "experiment.knowledge_n": {"en": "Looked into", "zh": "已考察"},
    "experiment.knowledge_no_rag": {
        "en": "No arm of this experiment looks anything up.",
        "zh": "此实验中没有使用检索的方式。",
    },
    "experiment.knowledge_start": {"en": "Ask again", "zh": "再次提问"},
    "experiment.label": {
        "en": "{number} · {name} ({questions} questions, {arms} arms)",
        "zh": "{number} · {name}（{questions} 个问题，{arms} 种方式）",
    },
    "experiment.languages": {"en": "Languages of the questions", "zh": "问题的语言"},
    "experiment.leak_exact": {"en": "the same words", "zh": "文字相同"},
    "experiment.leak_like": {"en": "nearly the same words", "zh": "文字几乎相同"},
    "experiment.leak_meaning": {"en": "the same meaning", "zh": "意思相同"},
    "experiment.leaks": {
        "en": "{count} of the {questions} questions stand in its training data, word for word or nearly so.",
        "zh": "{questions} 个问题中有 {count} 个已出现在它的训练数据中（相同或几乎相同）。",
    },
    "experiment.leaks_none": {
        "en": "None of the questions stands in its training data.",
        "zh": "没有问题出现在它的训练数据中。",
    },
    "experiment.leaks_unknown": {
        "en": "Its training data is not here, so it cannot be said which questions it had seen.",
        "zh": "本机没有它的训练数据，无法判断它见过哪些问题。",
    },
    "experiment.leave": {
        "en": "It goes on if you leave this page.",
        "zh": "离开此页面后会继续运行。",
    },
    "experiment.left": {"en": "about {minutes}:{seconds} left", "zh": "约剩 {minutes}:{seconds}"},
    "experiment.losses_about": {
        "en": "Answers that looked things up and were wrong, and why.",
        "zh": "使用了检索却答错的问题及原因。",
    },
    "experiment.losses_none": {
        "en": "No wrong answer of an arm that looks things up has a known reason. The questions must name where "
        "their answers stand.",
        "zh": "没有可以说明原因的检索失分。问题须注明答案的出处。",
    },
    "experiment.make": {"en": "Make questions", "zh": "生成问题"},
    "experiment.make_adapter": {"en": "Not in the training data of", "zh": "排除其训练数据中的问题"},
    "experiment.make_adapter_help": {
        "en": "Questions too like what this adapter was trained on are left out and listed.",
        "zh": "与此适配器训练数据过于相近的问题会被略过并列出。",
    },
    "experiment.make_bases": {"en": "Documents of", "zh": "使用的知识库"},
    "experiment.make_count": {"en": "Questions", "zh": "问题数量"},
    "experiment.make_download": {"en": "Save the questions", "zh": "保存问题"},
    "experiment.make_leaked": {
        "en": "Left out, since the adapter was trained on the like ({count})",
        "zh": "因与适配器训练数据相近而略过（{count}）",
    },
    "experiment.make_no_adapter": {"en": "no adapter", "zh": "无适配器"},
    "experiment.make_no_base": {
        "en": "There are no documents yet. Add some on the page Documents.",
        "zh": "还没有文档。请先在“文档”页添加。",
    },
    "experiment.make_seed": {"en": "Seed", "zh": "随机种子"},
    "experiment.make_seed_help": {
        "en": "Another seed asks for other facts.",
        "zh": "换一个种子会询问其他内容。",
    },
    "experiment.make_why": {"en": "Likeness", "zh": "相近之处"},
    "experiment.making": {"en": "Reading the documents", "zh": "正在读取文档"},
    "experiment.margin": {"en": "Points that do not matter", "zh": "可以忽略的百分点"},
    "experiment.margin_help": {
        "en": "Arms that differ by less than this, with certainty, are called equivalent.",
        "zh": "若能确定两种方式的差别小于此值，则称为等效。",
    },
    "experiment.meter": {
        "en": "{have} of about {needed} independent questions to see {points} points, by the answers so far",
        "zh": "按目前的回答，要看出 {points} 个百分点约需 {needed} 个独立问题，现有 {have} 个",
    },
    "experiment.meter_never": {
        "en": "By the answers so far, a difference of {points} points would need more than 100,000 questions.",
        "zh": "按目前的回答，要看出 {points} 个百分点需要超过 100,000 个问题。",
    },
    "experiment.metric": {"en": "Metric", "zh": "指标"},
    "experiment.metrics_about": {
        "en": "Means with 95 % intervals. {metric} was declared to decide; all others are secondary.",
        "zh": "均值及 95% 区间。结论由事先声明的“{metric}”决定，其余均为次要指标。",
    },
    "experiment.missing": {
        "en": "What is not scored, and why ({count})",
        "zh": "未评分的项目及原因（{count}）",
    },
    "experiment.missing_why": {"en": "Reason", "zh": "原因"},
    "experiment.name": {"en": "Name", "zh": "名称"},
    "experiment.new": {"en": "New experiment", "zh": "新建实验"},
    "experiment.new_short": {"en": "New", "zh": "新建"},
    "experiment.no_adapter": {
        "en": "With a trained adapter, fine-tuning comes in as further arms, and the board becomes whole.",
        "zh": "训练好适配器之后，微调会作为更多方式加入，四格对照即可完整。",
    },
    "experiment.no_text": {"en": "There is no text.", "zh": "没有文本。"},
    "experiment.not_asked": {"en": "Not asked yet.", "zh": "尚未提问。"},
    "experiment.not_measured": {"en": "Not measured here: {names}.", "zh": "本机未能测量：{names}。"},
    "experiment.one": {"en": "Experiment", "zh": "实验"},
    "experiment.points": {"en": "points of 100", "zh": "百分点"},
    "experiment.pooled": {
        "en": "The adapters are training runs of one recipe: count them as one arm",
        "zh": "这些适配器是同一配方的多次训练：合并为一种方式",
    },
    "experiment.pooled_help": {
        "en": "With other seeds, training comes out otherwise. Averaged question by question, the answer is about "
        "fine-tuning and not about one lucky run. Leave it off to compare different adapters with each other.",
        "zh": "随机种子不同，训练结果也不同。按问题取平均后，结论针对微调本身，而不是某一次碰巧的训练。若要比较不同的适配器，请不要勾选。",
    },
    "experiment.power": {
        "en": "{questions} questions show a difference of about {points} points in 4 of 5 such experiments, if the "
        "arms differ on {share} % of them.",
        "zh": "若两种方式在 {share}% 的问题上表现不同，{questions} 个问题在五次实验中约有四次能看出 "
        "{points} 个百分点的差别。",
    },
    "experiment.power_needed": {
        "en": "{have} of about {needed} questions to see {points} points",
        "zh": "要看出 {points} 个百分点约需 {needed} 个问题，现有 {have} 个",
    },
    "experiment.power_none": {
        "en": "{questions} questions are too few to show any difference.",
        "zh": "{questions} 个问题太少，看不出任何差别。",
    },
    "experiment.primary": {"en": "Metric that decides", "zh": "起决定作用的指标"},
    "experiment.progress": {"en": "{done} of {total} answers", "zh": "{done} / {total} 个回答"},
    "experiment.question": {"en": "Question", "zh": "问题"},
    "experiment.questions": {"en": "Questions", "zh": "问题集"},
    "experiment.reference": {"en": "Right answer: {text}", "zh": "参考答案：{text}"},
    "experiment.resume": {"en": "Go on", "zh": "继续"},
    "experiment.retention": {
        "en": "General knowledge: {before} % of {questions} control questions right before training, {after} % after.",
        "zh": "通用知识：{questions} 个对照问题，训练前答对 {before}%，训练后 {after}%。",
    },
    "experiment.retention_guessing": {
        "en": "The base model only guesses on these, so nothing can be said about forgetting.",
        "zh": "基础模型在这些问题上只是猜测，因此无法判断是否遗忘。",
    },
    "experiment.retrieval_shared": {"en": "shared by the other arms", "zh": "其他方式共用"},
    "experiment.sample_language": {"en": "Language", "zh": "语言"},
    "experiment.source_documents": {"en": "From documents", "zh": "由文档生成"},
    "experiment.source_file": {"en": "A file of mine", "zh": "我的文件"},
    "experiment.source_sample": {"en": "The sample manual's", "zh": "示例手册的问题"},
    "experiment.start": {"en": "Start", "zh": "开始"},
    "experiment.starting": {"en": "Starting", "zh": "正在开始"},
    "experiment.stopping": {"en": "Stopping after these answers", "zh": "完成当前回答后停止"},
    "experiment.tab_adapters": {"en": "Adapter", "zh": "适配器"},
    "experiment.tab_board": {"en": "Board", "zh": "四格对照"},
    "experiment.tab_flips": {"en": "Gained and lost", "zh": "变好与变差"},
    "experiment.tab_judge": {"en": "Judge", "zh": "评判模型"},
    "experiment.tab_kinds": {"en": "Kinds of question", "zh": "问题类别"},
    "experiment.tab_knowledge": {"en": "Where it came from", "zh": "知识来源"},
    "experiment.tab_losses": {"en": "Why retrieval lost", "zh": "检索失分"},
    "experiment.tab_metrics": {"en": "Metrics", "zh": "指标"},
    "experiment.tab_published": {"en": "Published", "zh": "已发表结果"},
    "experiment.title": {"en": "Experiment", "zh": "实验"},
    "experiment.unfinished": {
        "en": "{done} of {total} answers are there. What follows is about these.",
        "zh": "已有 {done} / {total} 个回答，以下结果只基于这些回答。",
    },
    "experiment.upload": {"en": "CSV, JSONL, or JSON in SQuAD form", "zh": "CSV、JSONL 或 SQuAD 形式的 JSON"},
    "experiment.upload_help": {
        "en": "Columns: question; and where known answer, answerable, language, source, quote, kind. Several answers "
        "are separated by ||. The file is checked before anything is asked.",
        "zh": "列名：question（问题）；如有，还可包括 answer（答案）、answerable（可回答）、language（语言）、"
        "source（来源）、quote（原文）、kind（类别）。多个答案用 || 分隔。提问之前会先检查文件。",
    },
    "experiment.verdict_help": {
        "en": "100 points would be a perfect score. The interval tells how sure the difference is: asked again with other "
        "questions of this kind, the true difference lies in it 19 times out of 20.",
        "zh": "满分为 100 分。区间说明差距有多可靠：换一批同类问题再测，20 次中有 19 次真实差距会落在这个范围内。",
    },
    "experiment.wanted": {"en": "Points that would matter", "zh": "有意义的百分点"},
    "experiment.wanted_help": {
        "en": "The meter says how many questions are needed to see such a difference.",
        "zh": "下方会给出看出这样的差别需要多少个问题。",
    },
}
