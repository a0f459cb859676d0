"""What question sets tell people, in English and Chinese, by code."""

from typing import Literal

QUESTION_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "passages_exist": {
        "en": "{name} is in {folder} already and is not overwritten. Choose an empty folder.",
        "zh": "{folder} 中已有 {name}，不会覆盖。请选择一个空文件夹。",
    },
    "question_answer_not_in_passage": {
        "en": "{count} answers do not stand in the passage given for them ({rows}). They are asked and scored, "
        "but not for retrieval and citations. Correct the passage or the answer.",
        "zh": "有 {count} 个答案不在所给的段落中（{rows}）。这些问题照常提问和评分，但不评检索与引用。请更正段落或答案。",
    },
    "question_id_twice": {
        "en": "{count} rows repeat an id ({rows}). Only the first row of each id is asked. Give every row an id of its own.",
        "zh": "有 {count} 行的编号重复（{rows}）。每个编号只提问第一行。请为每行指定唯一编号。",
    },
    "question_row_empty": {
        "en": "{count} rows have no question ({rows}) and are left out. Fill them in or delete them.",
        "zh": "有 {count} 行没有问题（{rows}），已略过。请补全或删除这些行。",
    },
    "question_unanswerable_with_answer": {
        "en": "{count} questions are marked unanswerable but have an answer ({rows}). The mark counts; "
        "correct one of the two.",
        "zh": "有 {count} 个问题标为无法回答却带有答案（{rows}）。以标记为准；请更正其中之一。",
    },
    "question_without_reference": {
        "en": "{count} questions have no reference answer ({rows}). They are asked, but not scored for "
        "correctness. Add answers to compare it.",
        "zh": "有 {count} 个问题没有参考答案（{rows}）。照常提问，但不评正确性。要比较正确性，请补充答案。",
    },
    "questions_column_missing": {
        "en": "{name} has no column `question`; its columns are: {columns}. Name the column of questions so.",
        "zh": "{name} 中没有 `question`（问题）列；现有的列：{columns}。请把问题所在的列改为此名。",
    },
    "questions_exist": {
        "en": "{name} is there already and is not overwritten. Choose another name with --out.",
        "zh": "{name} 已存在，不会覆盖。请用 --out 另取名称。",
    },
    "questions_few": {
        "en": "There are only {count} questions. With fewer than 10 nothing is concluded; 100 and more show "
        "differences of 15 points.",
        "zh": "只有 {count} 个问题。少于 10 个不作任何结论；要看出 15 个百分点的差别，需要 100 个以上。",
    },
    "questions_few_unanswerable": {
        "en": "Only {count} questions are unanswerable. Add some that the documents do not answer, one in five or "
        "more, or refusing well cannot be told from refusing always.",
        "zh": "只有 {count} 个无法回答的问题。请加入一些文档中没有答案的问题（至少五分之一），否则无法判断拒答是否恰当。",
    },
    "questions_fewer": {
        "en": "The documents gave only {count} questions. Ask for fewer, or add documents.",
        "zh": "这些文档只能生成 {count} 个问题。请减少数量或添加文档。",
    },
    "questions_form_unknown": {
        "en": "{name} is not a question set that can be read. Use CSV, JSONL, or JSON in SQuAD form; "
        "see samples/questions/en.jsonl.",
        "zh": "无法识别 {name} 的问题集格式。请使用 CSV、JSONL 或 SQuAD 形式的 JSON；可参考 samples/questions/zh.jsonl。",
    },
    "questions_leaked": {
        "en": "{count} questions are too like what the adapter was trained on and are left out ({rows}).",
        "zh": "有 {count} 个问题与适配器的训练数据过于相近，已略过（{rows}）。",
    },
    "questions_leaks_unknown": {
        "en": "The training data of the adapter {rows} is not here, so it is not known which questions it had seen. "
        "Compare it with care.",
        "zh": "本机没有适配器 {rows} 的训练数据，无法判断它见过哪些问题。比较时请注意。",
    },
    "questions_none": {
        "en": "{name} holds no question that can be asked. Add some, or check the language that was chosen.",
        "zh": "{name} 中没有可以提问的问题。请添加问题，或检查所选的语言。",
    },
    "questions_none_made": {
        "en": "No question could be made of {name}: {leaked} were too like training data. Add documents, or use "
        "questions of your own.",
        "zh": "未能由 {name} 生成问题：有 {leaked} 个与训练数据过于相近。请添加文档，或使用自己的问题。",
    },
    "questions_not_json": {
        "en": "{name}, line {line}, is not JSON: {reason}. Mend that line.",
        "zh": "{name} 第 {line} 行不是有效的 JSON：{reason}。请修正该行。",
    },
    "questions_table_broken": {
        "en": "{name}: the table cannot be read near line {line} ({reason}). Look for a quotation mark that is never "
        "closed, or that should be doubled.",
        "zh": "{name}：第 {line} 行附近无法读取表格（{reason}）。请检查是否有未闭合或应写成两个的引号。",
    },
    "questions_unreadable": {
        "en": "{name} cannot be read: {reason}. Check the path, or save the file as UTF-8.",
        "zh": "无法读取 {name}：{reason}。请检查路径，或将文件另存为 UTF-8。",
    },
}
