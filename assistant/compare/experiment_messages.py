"""What experiments tell people beside their verdicts, in English and Chinese, by code."""

from typing import Literal

from assistant.compare.verdict_messages import VERDICT_MESSAGES

EXPERIMENT_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    **VERDICT_MESSAGES,
    "experiment_busy": {
        "en": "Experiment {id} is still running. Wait for it or stop it first.",
        "zh": "实验 {id} 仍在运行。请等待完成或先停止它。",
    },
    "experiment_erased": {
        "en": "The texts of experiment {id} were erased with their knowledge base; only its scores are left. "
        "Start a new one.",
        "zh": "实验 {id} 的文本已随知识库一同删除，只保留了评分。请新建实验。",
    },
    "verdict_adapters": {
        "en": "Over {count} adapters, fine-tuning adds {points} points to retrieval (95 % interval {low} to {high}, "
        "which counts that adapters differ: single ones reach {lowest} to {highest}).",
        "zh": "就 {count} 个适配器而言，微调使检索提高 {points} 个百分点（95% 区间 {low} 至 {high}，已计入适配器之间的差异："
        "单个适配器为 {lowest} 至 {highest}）。",
    },
    "verdict_few_seeds": {
        "en": "{arm} stands for {count} training runs, averaged question by question: single ones reach {lowest} to "
        "{highest} (standard deviation {spread}). The interval counts that runs differ, but {count} are too few to know by "
        "how much: another run may lie outside it.",
        "zh": "{arm}代表 {count} 次训练，按问题取平均：单次为 {lowest} 至 {highest}（标准差 {spread}）。区间已计入各次训练之间的差异，"
        "但只有 {count} 次，不足以确定差异有多大：再训练一次，结果可能落在区间之外。",
    },
    "verdict_one_adapter": {
        "en": "This is about the one adapter “{name}”, not about fine-tuning: another training run may come out otherwise.",
        "zh": "以上只说明适配器“{name}”，不代表微调本身：再训练一次，结果可能不同。",
    },
    "verdict_seeds": {
        "en": "{arm} stands for {count} training runs, averaged question by question: single ones reach {lowest} to "
        "{highest} (standard deviation {spread}). The interval counts that runs differ.",
        "zh": "{arm}代表 {count} 次训练，按问题取平均：单次为 {lowest} 至 {highest}（标准差 {spread}）。区间已计入各次训练之间的差异。",
    },
    "judge_unreachable": {
        "en": "The judge {name} does not answer: {reason}. Check its address, and that the server is running.",
        "zh": "评判模型 {name} 没有响应：{reason}。请检查地址，并确认服务器正在运行。",
    },
}
