"""The page Train in both languages, by part of the page; here what several parts say."""

from ui.text.train import adapters, building, data, running, settings

_SHARED: dict[str, dict[str, str]] = {
    "train.adapter_name": {"en": "Name of the adapter", "zh": "适配器名称"},
    "train.answers_with": {"en": "Who answers", "zh": "由谁回答"},
    "train.delete": {"en": "Delete", "zh": "删除"},
    "train.delete_dataset": {"en": "Delete data", "zh": "删除数据"},
    "train.delete_dataset_question": {
        "en": "Delete **{name}**? Runs and adapters made with it stay; files in a folder of yours stay too.",
        "zh": "删除 **{name}**？用它训练的记录和适配器会保留，您自己文件夹中的文件也不受影响。",
    },
    "train.export": {"en": "Export", "zh": "导出"},
    "train.export_form": {"en": "As", "zh": "格式"},
    "train.open": {"en": "Open", "zh": "打开"},
    "train.reason": {"en": "Why", "zh": "原因"},
    "train.settings_here": {"en": "these settings", "zh": "当前设置"},
    "train.tab_adapters": {"en": "Adapters", "zh": "适配器"},
    "train.tab_ask": {"en": "Before / after", "zh": "训练前后对比"},
    "train.tab_data": {"en": "1 · Data", "zh": "1 · 数据"},
    "train.tab_run": {"en": "3 · Run", "zh": "3 · 训练"},
    "train.tab_runs": {"en": "All runs", "zh": "训练记录"},
    "train.tab_settings": {"en": "2 · Settings", "zh": "2 · 设置"},
    "train.title": {"en": "Train", "zh": "训练"},
    "train.trainable": {
        "en": "Trains **{trainable}** of {total} parameters, **{percent} %**.",
        "zh": "训练 {total} 个参数中的 **{trainable}** 个，占 **{percent}%**。",
    },
}

_PARTS = (_SHARED, adapters.TEXT, building.TEXT, data.TEXT, running.TEXT, settings.TEXT)
TEXT = dict(sorted((key, text) for part in _PARTS for key, text in part.items()))
