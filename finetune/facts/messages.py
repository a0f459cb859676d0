"""What is said about building data from documents, in English and Chinese, by code."""

from typing import Literal

FACT_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "build_exists": {
        "en": "There is a build called {name} already. Choose another name, or delete it first.",
        "zh": "已有名为 {name} 的数据集。请换一个名称，或先删除它。",
    },
    "build_leaks_held_document": {
        "en": "Questions on documents never trained: {rows}, compared with {questions} test questions of {test}; nearest {nearest}.",
        "zh": "未训练文档的问题：{rows} 个，与 {test} 的 {questions} 个测试问题比对；最接近的相似度 {nearest}。",
    },
    "build_leaks_held_wording": {
        "en": "Held-out wordings: {rows}, compared with {questions} test questions of {test}; nearest {nearest}.",
        "zh": "留出的问法：{rows} 个，与 {test} 的 {questions} 个测试问题比对；最接近的相似度 {nearest}。",
    },
    "build_leaks_train": {
        "en": "Leak check against {questions} test questions of {test}: {rows} training rows compared, left out {exact} with the same words, {like} with nearly the same, {meaning} with the same meaning; nearest that stayed {nearest}.",
        "zh": "与 {test} 的 {questions} 个测试问题做泄漏检查：比对 {rows} 行训练数据，剔除完全相同 {exact} 行、措辞近似 {like} 行、语义相同 {meaning} 行；保留下来的最高相似度 {nearest}。",
    },
    "build_missing": {
        "en": "{name}: there is no such build. See: tandem data builds",
        "zh": "{name}：没有这个数据集。查看：tandem data builds",
    },
    "build_name": {
        "en": "{name}: a build's name may hold letters, digits, blanks, dots, dashes and underscores, at most 80.",
        "zh": "{name}：名称只能包含文字、数字、空格、点、短横线和下划线，最多 80 个字符。",
    },
    "build_no_chunks": {
        "en": "{name}: the knowledge base holds nothing to build from. Add documents first: tandem index FOLDER --base {name}",
        "zh": "{name}：知识库里没有可用的内容。请先添加文档：tandem index 文件夹 --base {name}",
    },
    "build_no_facts": {
        "en": "{name}: no fact was found that could be asked for. Add documents with tables, numbers or definitions, or set a chat model that can write questions.",
        "zh": "{name}：没有找到可以提问的事实。请添加含有表格、数字或定义的文档，或设置能编写问题的对话模型。",
    },
    "build_nothing_selected": {
        "en": "{name}: no training row is selected. Select some rows first.",
        "zh": "{name}：没有选中任何训练数据。请先选择。",
    },
    "build_read": {
        "en": "{documents} documents with {chunks} passages read, {facts} facts found.",
        "zh": "读取了 {documents} 个文档、{chunks} 个段落，找到 {facts} 个事实。",
    },
    "build_row_empty": {
        "en": "{row}: question and answer must not be empty.",
        "zh": "{row}：问题和答案不能为空。",
    },
    "build_row_missing": {
        "en": "{row}: there is no such row in this build.",
        "zh": "{row}：这个数据集里没有这一行。",
    },
    "build_rows": {
        "en": "{rows} rows: {closed} from memory, {open_hit} answered from passages, {open_miss} refused for lack of one, {unknown} about what no document tells, {replay} general.",
        "zh": "共 {rows} 行：凭记忆作答 {closed}，根据段落作答 {open_hit}，段落中没有答案而拒答 {open_miss}，文档未提及而拒答 {unknown}，通用问答 {replay}。",
    },
    "build_stopped": {
        "en": "The build was stopped; what was made by then is kept.",
        "zh": "构建已停止，已生成的内容保留。",
    },
    "build_test_file": {
        "en": "{name}, line {line}: not a test question: {reason}. One JSON object a line with the key question is wanted.",
        "zh": "{name} 第 {line} 行：不是测试问题：{reason}。每行应为一个含有 question 的 JSON 对象。",
    },
    "build_written": {
        "en": "{writer} wrote {asked} questions; {kept} passed, {span} had no literal quote, {round_trip} failed when answered again.",
        "zh": "{writer} 编写了 {asked} 个问题：通过 {kept} 个，引文不在原文中 {span} 个，复答不一致 {round_trip} 个。",
    },
    "fact_ambiguous": {
        "en": "Left out, since the same words have two answers: {text}",
        "zh": "剔除：同样的说法对应两个答案：{text}",
    },
    "fact_ambiguous_count": {
        "en": "{number} facts left out, since the same words have two answers.",
        "zh": "{number} 个事实因同样的说法对应两个答案而剔除。",
    },
    "fact_span": {
        "en": "Left out, since no passage holds the words: {text}",
        "zh": "剔除：没有任何段落包含原文：{text}",
    },
    "fact_span_count": {
        "en": "{number} facts left out, since no passage holds their words.",
        "zh": "{number} 个事实因没有段落包含原文而剔除。",
    },
    "fact_too_few": {
        "en": "Not trained, since fewer than {fewest} wordings are left: {text}",
        "zh": "不训练：剩下的问法不足 {fewest} 种：{text}",
    },
    "fact_too_few_count": {
        "en": "{number} facts not trained, since too few wordings are left.",
        "zh": "{number} 个事实因剩下的问法太少而不训练。",
    },
    "fact_too_many": {
        "en": "Not trained, since the limit of facts was reached: {text}",
        "zh": "不训练：已达到事实数上限：{text}",
    },
    "fact_too_many_count": {
        "en": "{number} facts not trained, since the limit of facts was reached.",
        "zh": "{number} 个事实因达到数量上限而不训练。",
    },
    "row_chunk": {
        "en": "Left out, since a row from memory would have held its passage: {text}",
        "zh": "剔除：凭记忆作答的行中包含了原文段落：{text}",
    },
    "row_chunk_count": {
        "en": "{number} rows left out, since they would have held their passage.",
        "zh": "{number} 行因包含原文段落而剔除。",
    },
    "row_duplicate": {
        "en": "Left out, since nearly the same as another row: {text}",
        "zh": "剔除：与另一行几乎相同：{text}",
    },
    "row_duplicate_count": {
        "en": "{number} rows left out, since nearly the same as another.",
        "zh": "{number} 行因与另一行几乎相同而剔除。",
    },
    "row_leak": {
        "en": "Left out, since too like a test question of {test}: {text}",
        "zh": "剔除：与 {test} 的测试问题过于相似：{text}",
    },
    "row_leak_count": {
        "en": "{number} rows left out, since too like a test question.",
        "zh": "{number} 行因与测试问题过于相似而剔除。",
    },
}
