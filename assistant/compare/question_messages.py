"""What question sets tell people, in English and Chinese, by code."""

from typing import Literal

QUESTION_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "questions_exist": {
        "en": "{name} is there already and is not overwritten. Choose another name with --out.",
        "zh": "{name} 已存在，不会覆盖。请用 --out 另取名称。",
    },
    "questions_fewer": {
        "en": "The documents gave only {count} questions. Ask for fewer, or add documents.",
        "zh": "这些文档只能生成 {count} 个问题。请减少数量或添加文档。",
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
    "questions_none_made": {
        "en": "No question could be made of {name}: {leaked} were too like training data. Add documents, or use "
        "questions of your own.",
        "zh": "未能由 {name} 生成问题：有 {leaked} 个与训练数据过于相近。请添加文档，或使用自己的问题。",
    },
    "questions_table_broken": {
        "en": "{name}: the table cannot be read near line {line} ({reason}). Look for a quotation mark that is never "
        "closed, or that should be doubled.",
        "zh": "{name}：第 {line} 行附近无法读取表格（{reason}）。请检查是否有未闭合或应写成两个的引号。",
    },
}
