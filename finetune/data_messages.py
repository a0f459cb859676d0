"""What is said about datasets and their rows, in English and Chinese, by code. `messages.MESSAGES` includes it."""

from typing import Literal

DATA_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    # files
    "charset_damaged": {
        "en": "{characters} characters could not be decoded as UTF-8 and read as �. Save the file anew if they matter.",
        "zh": "有 {characters} 个字符无法按 UTF-8 解码，已读作 �。如果它们重要，请重新保存文件。",
    },
    "charset_other": {
        "en": "The file was read as {encoding}. Save it as UTF-8 if characters look wrong.",
        "zh": "文件按 {encoding} 读取。如果出现乱码，请另存为 UTF-8。",
    },
    "charset_unknown": {
        "en": "{name}: the character set is not one we know. Save the file as UTF-8.",
        "zh": "{name}：无法识别字符编码。请将文件另存为 UTF-8。",
    },
    "csv_malformed": {
        "en": "{name}, line {line}: not valid CSV: {reason}. Mend the quotes there or save as JSONL.",
        "zh": "{name} 第 {line} 行：CSV 格式有误：{reason}。请修正该处引号，或另存为 JSONL。",
    },
    "data_binary": {
        "en": "{name}: this is not a text or Parquet file. Unpack it, or export the table as CSV or JSONL.",
        "zh": "{name}：不是文本或 Parquet 文件。请先解压，或将表格导出为 CSV 或 JSONL。",
    },
    "data_empty": {
        "en": "{name}: the file is empty. Check the path, or export the dataset again.",
        "zh": "{name}：文件是空的。请检查路径，或重新导出数据集。",
    },
    "data_missing": {
        "en": "{name}: there is no such file or folder. Check the path.",
        "zh": "{name}：找不到这个文件或文件夹。请检查路径。",
    },
    "data_not_dataset": {
        "en": "{name}: this is neither JSON, CSV, Parquet nor a .txt file, so it holds no training rows. Documents belong in a knowledge base.",
        "zh": "{name}：不是 JSON、CSV、Parquet 或 .txt 文件，没有可训练的数据。文档请添加到知识库。",
    },
    "data_unreadable": {
        "en": "{name}: the file cannot be opened: {reason}. Check its permissions.",
        "zh": "{name}：无法打开文件：{reason}。请检查权限。",
    },
    "folder_without_data": {
        "en": "{name}: the folder holds no JSON, JSONL, CSV or Parquet file. Choose another folder, or a file.",
        "zh": "{name}：文件夹中没有 JSON、JSONL、CSV 或 Parquet 文件。请选择其他文件夹或直接选择文件。",
    },
    "json_malformed": {
        "en": "{name}, line {line}: not valid JSON: {reason}. Mend that line and try again.",
        "zh": "{name} 第 {line} 行：JSON 格式有误：{reason}。请修正这一行后重试。",
    },
    "nothing_left": {
        "en": "{name}: none of the {rows} rows can be used. First, {place}: {reason}",
        "zh": "{name}：{rows} 行数据全部无法使用。例如 {place}：{reason_zh}",
    },
    "table_damaged": {
        "en": "{name}: the table cannot be read: {reason}. Export it again.",
        "zh": "{name}：无法读取数据表：{reason}。请重新导出。",
    },
    "too_many_dropped": {
        "en": "{name}: {dropped} of {rows} rows ({percent} %) are dropped, more than the {limit} % allowed. Most often, as in {place}: {reason} Mend the rows or raise the limit.",
        "zh": "{name}：{rows} 行中有 {dropped} 行（{percent}%）被丢弃，超过允许的 {limit}%。最常见的原因如 {place}：{reason_zh}请修正数据或调高上限。",
    },
    # dataset_info.json
    "column_missing": {
        "en": "Column {column}, named as {meaning}, is not in these rows; columns were recognised by name instead.",
        "zh": "这些行中没有指定为 {meaning} 的列 {column}，已改为按列名识别。",
    },
    "column_unlisted": {
        "en": "Column {column} is not listed, and is read as {meaning} all the same. LLaMA-Factory would leave it out without a word.",
        "zh": "列 {column} 未在配置中列出，仍按 {meaning} 读取。LLaMA-Factory 会不加提示地忽略它。",
    },
    "dataset_file_missing": {
        "en": "Dataset {dataset}: its file {file} is not in the folder. Put it there, or correct file_name in dataset_info.json.",
        "zh": "数据集 {dataset}：文件夹中没有文件 {file}。请放入该文件，或修改 dataset_info.json 中的 file_name。",
    },
    "dataset_remote": {
        "en": "Dataset {dataset} is not here but at {key} {place}. Download it and give its file as file_name.",
        "zh": "数据集 {dataset} 不在本地，而在 {key} {place}。请先下载，再用 file_name 指定文件。",
    },
    "dataset_unknown": {
        "en": "dataset_info.json has no entry {dataset}. Those with files here: {names}.",
        "zh": "dataset_info.json 中没有 {dataset}。本地有文件的数据集：{names}。",
    },
    "dataset_unnamed": {
        "en": "The folder holds several datasets or none: {names}. Name the one to read.",
        "zh": "文件夹中有多个数据集，或者一个也没有：{names}。请指定要读取的数据集名称。",
    },
    "dataset_without_registry": {
        "en": "{name} has no dataset_info.json, so there is no dataset {dataset} to choose. Leave the name out.",
        "zh": "{name} 没有 dataset_info.json，无法选择数据集 {dataset}。请不要指定名称。",
    },
    "formatting_openai": {
        "en": "formatting: openai. LLaMA-Factory would add \"detailed thinking off\" to every system message; nothing is added here.",
        "zh": "formatting: openai。LLaMA-Factory 会在每条系统消息后加上 “detailed thinking off”；这里不添加任何内容。",
    },
    "registry_key_unknown": {
        "en": "dataset_info.json: the key {key} is not known and has no effect. Check its spelling.",
        "zh": "dataset_info.json：未知的键 {key}，不起作用。请检查拼写。",
    },
    "registry_shape": {
        "en": "{name}: an entry needs a file_name, as {{\"name\": {{\"file_name\": \"rows.json\"}}}}.",
        "zh": "{name}：条目需要 file_name，例如 {{\"name\": {{\"file_name\": \"rows.json\"}}}}。",
    },
    "split_unreadable": {
        "en": "Dataset {dataset}: split {split} is not understood. Write train, train[:100] or train[:10%].",
        "zh": "数据集 {dataset}：无法理解 split {split}。请写成 train、train[:100] 或 train[:10%]。",
    },
    # rows that are refused
    "label_unreadable": {
        "en": "The label {found} is neither true nor false. Write true for a good answer, false for a bad one.",
        "zh": "标签 {found} 既不是 true 也不是 false。好的回答写 true，差的回答写 false。",
    },
    "layout_unknown": {
        "en": "No column is a question, an answer, a conversation or text: {columns}. Name them with columns.",
        "zh": "没有识别出问题、回答、对话或文本列：{columns}。请用 columns 指定。",
    },
    "no_answer": {
        "en": "There is no answer, so nothing to train on. Add one or leave the row out.",
        "zh": "没有回答，无内容可训练。请补上回答或删去该行。",
    },
    "no_question": {
        "en": "Nobody asks anything before the answer. Add a question, or give the row as plain text.",
        "zh": "回答之前没有提问。请补上问题，或以纯文本形式提供。",
    },
    "preference_same": {
        "en": "Chosen and rejected are the same, so there is nothing to prefer.",
        "zh": "chosen 与 rejected 完全相同，无从比较优劣。",
    },
    "preference_shape": {
        "en": "Chosen and rejected have to be two answers of the assistant to one prompt.",
        "zh": "chosen 与 rejected 必须是助手对同一提问的两个回答。",
    },
    "questions_only": {
        "en": "The row has questions but no answers: a test set, not training data.",
        "zh": "该行只有问题没有回答：这是测试集，不是训练数据。",
    },
    "role_unknown": {
        "en": "The role {role} is not known. Use system, user, assistant or tool, or name it under tags.",
        "zh": "未知的角色 {role}。请使用 system、user、assistant 或 tool，或在 tags 中指定。",
    },
    "row_extra_cells": {
        "en": "The line has {cells} cells for {columns} columns. Put quotes around text that holds the delimiter.",
        "zh": "该行有 {cells} 个单元格，但只有 {columns} 列。含分隔符的文本请加引号。",
    },
    "row_malformed": {
        "en": "Not valid JSON at column {column}: {reason}. Mend the line.",
        "zh": "第 {column} 列处 JSON 格式有误：{reason}。请修正该行。",
    },
    "row_missing": {
        "en": "{file} has no row {number}; it has {rows}. Name one from 1 to {rows}.",
        "zh": "{file} 没有第 {number} 行，共 {rows} 行。请填写 1 到 {rows}。",
    },
    "row_media": {
        "en": "The row needs pictures, sound or video ({found}); only text is trained.",
        "zh": "该行需要图片、音频或视频（{found}）；目前只训练文本。",
    },
    "row_not_object": {
        "en": "The row is a {found}, not an object with columns.",
        "zh": "该行是 {found}，不是带列名的对象。",
    },
    "turn_unreadable": {
        "en": "A turn says neither who speaks nor what is said: {found}. Write role and content, or from and value.",
        "zh": "某一轮对话没有说明角色或内容：{found}。请写 role 和 content，或 from 和 value。",
    },
    # rows that are repaired or worth a note
    "bad_characters": {
        "en": "Half characters that no text may hold were replaced by �.",
        "zh": "无效的半个字符已替换为 �。",
    },
    "greeting_untrained": {
        "en": "The conversation opens with the assistant; that turn stays as context and is not trained.",
        "zh": "对话由助手开场；该轮保留为上下文，不参与训练。",
    },
    "system_moved": {
        "en": "A system message in the middle was moved to the top.",
        "zh": "位于对话中间的系统消息已移到开头。",
    },
    "tags_detected": {
        "en": "Turns are written with {role_tag} and {content_tag}, unlike what tags says; they were read so.",
        "zh": "对话使用 {role_tag} 和 {content_tag}，与 tags 的设置不同，已按实际读取。",
    },
    "text_from_value": {
        "en": "A cell holds a {found} where text belongs; it was read as text.",
        "zh": "应为文本的单元格中是 {found}，已转为文本。",
    },
    "thinking_empty": {
        "en": "An empty thinking block in the data counts as none. Choose thinking: empty to train it.",
        "zh": "数据中的空思考块视为没有思考。若要训练它，请选择 thinking: empty。",
    },
    "thinking_unclosed": {
        "en": "An answer opens <think> and does not close it; it is trained as written.",
        "zh": "回答中有 <think> 但没有结束标签，按原文训练。",
    },
    "tools_unreadable": {
        "en": "The tools column is not a JSON list and was left out.",
        "zh": "tools 列不是 JSON 列表，已忽略。",
    },
    "turns_empty": {
        "en": "{turns} empty turns were left out.",
        "zh": "已略去 {turns} 个空轮次。",
    },
    "turns_joined": {
        "en": "Neighbouring turns of one role ({role}) were joined.",
        "zh": "同一角色（{role}）的相邻轮次已合并。",
    },
    "unanswered_removed": {
        "en": "What is said at the end has no answer and was taken off (turns: {turns}); the rest is trained.",
        "zh": "末尾 {turns} 轮没有回答，已去掉，其余部分照常训练。",
    },
    # encoding
    "cut_answer": {
        "en": "The middle of the answer was cut: {before} tokens, now {after}; {trained} of them would have been trained. Raise max_length to keep it.",
        "zh": "回答中间部分被截去：原 {before} 个 token，现 {after} 个，其中 {trained} 个本应训练。调大 max_length 可保留。",
    },
    "cut_context": {
        "en": "The middle of the {role} message was cut: {before} tokens, now {after}. Its ends, the answer and the stop token stay.",
        "zh": "{role} 消息的中间部分被截去：原 {before} 个 token，现 {after} 个。首尾、回答和停止符都保留。",
    },
    "cut_thinking": {
        "en": "The middle of the thinking was cut: {before} tokens, now {after}; {trained} of them would have been trained. Raise max_length to keep it.",
        "zh": "思考过程的中间部分被截去：原 {before} 个 token，现 {after} 个，其中 {trained} 个本应训练。调大 max_length 可保留。",
    },
    "cut_turns": {
        "en": "The {turns} oldest turns were left out: {before} tokens, now {after}; {trained} of them would have been trained.",
        "zh": "最早的 {turns} 轮对话被略去：原 {before} 个 token，现 {after} 个，其中 {trained} 个本应训练。",
    },
    "greeting_dropped": {
        "en": "The model's template wants the user to speak first; the opening greeting was left out.",
        "zh": "模型模板要求用户先发言，开场白已略去。",
    },
    "history_untrained": {
        "en": "{turns} earlier answers are not trained: the template shows them without thinking, and training them would teach the model to skip it. Choose thinking: none to train them.",
        "zh": "有 {turns} 个较早的回答不参与训练：模板不显示它们的思考，训练会让模型学会跳过思考。若要训练，请选择 thinking: none。",
    },
    "no_trained_token": {
        "en": "No token of the row is trained. Check which answers are chosen for training.",
        "zh": "该行没有可训练的 token。请检查选择训练的回答。",
    },
    "system_merged": {
        "en": "The model's template knows no system message; it was put before the first question.",
        "zh": "模型模板不支持系统消息，已并入第一个问题之前。",
    },
    "template_missing": {
        "en": "{model} has no chat template. Use the chat version of the model, or plain text rows.",
        "zh": "{model} 没有对话模板。请使用该模型的对话版本，或使用纯文本数据。",
    },
    "template_refused": {
        "en": "The model's chat template refuses the conversation: {reason}.",
        "zh": "模型的对话模板拒绝了该对话：{reason}。",
    },
    "template_untraceable": {
        "en": "The model's chat template changes this conversation so that its answers cannot be found in the text.",
        "zh": "模型的对话模板改写了该对话，无法在文本中定位回答。",
    },
    "text_split": {
        "en": "The text is longer than max_length and was split into {pieces} sequences; nothing is lost.",
        "zh": "文本超过 max_length，已分成 {pieces} 段，没有丢失内容。",
    },
    "thinking_removed": {
        "en": "Thinking in the data was left out, as chosen.",
        "zh": "已按设置去掉数据中的思考内容。",
    },
    "tokenizer_slow": {
        "en": "The tokenizer {tokenizer} cannot say where its tokens stand in the text. Use a model with a tokenizer.json.",
        "zh": "分词器 {tokenizer} 无法给出 token 在文本中的位置。请使用带 tokenizer.json 的模型。",
    },
    "too_long": {
        "en": "The row has {tokens} tokens, the limit is {limit}, and cutting cannot save it. Raise max_length.",
        "zh": "该行有 {tokens} 个 token，上限为 {limit}，截断也无法保留。请调大 max_length。",
    },
    "tools_not_shown": {
        "en": "The model's template has no place for tools, so their descriptions are not shown to it.",
        "zh": "模型模板不支持工具，工具说明不会提供给模型。",
    },
    "special_in_text": {
        "en": "The text itself holds the control token {token}, which the model will read as one. Take it out unless it is meant.",
        "zh": "文本中含有控制符 {token}，模型会把它当作控制符。如非有意，请删去。",
    },
    # export
    "export_alpaca": {
        "en": "The alpaca layout has no place for tools or for turns out of order; the row was left out. Export as ShareGPT or OpenAI.",
        "zh": "alpaca 格式无法表示工具调用或顺序特殊的对话，该行未导出。请导出为 ShareGPT 或 OpenAI 格式。",
    },
    "export_greeting": {
        "en": "LLaMA-Factory drops conversations that the assistant opens; the opening turn was left out so that the rest is read.",
        "zh": "LLaMA-Factory 会整段丢弃由助手开场的对话；已略去开场白，其余部分可以读取。",
    },
    # preflight
    "answer_conflict": {
        "en": "The same question is answered differently in {other}.",
        "zh": "同一问题在 {other} 中有不同的回答。",
    },
    "duplicate_exact": {
        "en": "The same row is already in {other}.",
        "zh": "与 {other} 完全重复。",
    },
    "duplicate_near": {
        "en": "Question and answer are nearly those of {other} ({percent} % alike).",
        "zh": "问题和回答与 {other} 几乎相同（相似度 {percent}%）。",
    },
    "no_stop_token": {
        "en": "No stop token is trained, so the row does not teach the model to stop.",
        "zh": "没有训练停止符，该行无法教会模型何时停止。",
    },
    "placeholder": {
        "en": "Placeholders are not filled in: {names}. Fill them, or the model will say them.",
        "zh": "占位符尚未填写：{names}。请填写，否则模型会照念出来。",
    },
    "preflight_summary": {
        "en": "{rows} rows: {kept} kept as they are, {repaired} repaired, {cut} cut, {dropped} dropped; {trained_tokens} tokens are trained, {percent} % of all.",
        "zh": "共 {rows} 行：原样保留 {kept}，修复 {repaired}，截短 {cut}，丢弃 {dropped}；训练 {trained_tokens} 个 token，占 {percent}%。",
    },
    "test_overlap": {
        "en": "The question is in the test set too ({other}, {percent} % alike): scores on it would not count.",
        "zh": "测试集中也有这个问题（{other}，相似度 {percent}%），其得分将不可信。",
    },
}  # fmt: skip
"""In the order of the work: files, registry, rows, encoding, preflight."""
