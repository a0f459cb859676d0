"""Every message this package can give a person, in English and Chinese, by code.

A message says what, why, and what to do next, on one line. `errors.py` raises them; pages and
commands print them with `render`.
"""

from typing import Any, Literal

Language = Literal["en", "zh"]

MESSAGES: dict[str, dict[Language, str]] = {
    "file_missing": {
        "en": "{name}: there is no such file. Check the path.",
        "zh": "{name}：找不到这个文件。请检查路径。",
    },
    "file_unsupported": {
        "en": "{name}: files of type {suffix} are not read. Convert it to PDF, DOCX or text and add that.",
        "zh": "{name}：不支持 {suffix} 类型的文件。请转换为 PDF、DOCX 或文本后再添加。",
    },
    # Reading files: knowledge.parsing
    "file_archive": {
        "en": "{name}: archives are not opened. Unpack it and add the files inside.",
        "zh": "{name}：不会打开压缩包。请先解压，再添加其中的文件。",
    },
    "file_bomb": {
        "en": "{name}: it would unpack to {megabytes} MB or far more than any real document. It was not opened; save it anew.",
        "zh": "{name}：解压后会有 {megabytes} MB，或远超正常文档的大小，因此没有打开。请重新保存后再添加。",
    },
    "file_damaged": {
        "en": "{name}: the file is damaged or not what its name says ({detail}). Open it in its own program, save it anew and add that.",
        "zh": "{name}：文件已损坏，或内容与扩展名不符（{detail}）。请用原来的软件打开并重新保存，然后再添加。",
    },
    "file_empty": {
        "en": "{name}: there is no text in this file. Check that it is the right one.",
        "zh": "{name}：文件里没有文字。请确认是否选对了文件。",
    },
    "file_encrypted_office": {
        "en": "{name}: the document is encrypted. Open it with its password, save it without one and add that.",
        "zh": "{name}：文档已加密。请用密码打开，另存为不带密码的文件后再添加。",
    },
    "file_garbled": {
        "en": "{name}: its fonts lack a character table, so the text comes out garbled. Run text recognition (OCR) over it.",
        "zh": "{name}：字体缺少字符对照表，提取的文字全是乱码。请先做文字识别（OCR）再添加。",
    },
    "file_hostile_xml": {
        "en": "{name}: it declares XML entities, which no office program writes and attacks use. It was not read; save it anew.",
        "zh": "{name}：文件里声明了 XML 实体，正常的办公软件不会这样写，攻击文件才会，因此没有读取。请重新保存后再添加。",
    },
    "file_legacy": {
        "en": "{name}: the old binary format {suffix} is not read. Save it as {modern} and add that.",
        "zh": "{name}：不支持旧的二进制格式 {suffix}。请另存为 {modern} 后再添加。",
    },
    "file_needs_memory": {
        "en": "{name}: reading it took more than {limit} MB of memory, as a hostile or very large file does. Split it or save it anew.",
        "zh": "{name}：读取时占用的内存超过 {limit} MB，文件可能过大或含恶意内容。请拆分或重新保存后再试。",
    },
    "file_needs_time": {
        "en": "{name}: reading it took more than {seconds} s and was stopped. Split the file or save it anew.",
        "zh": "{name}：读取超过 {seconds} 秒，已停止。请拆分文件或重新保存后再试。",
    },
    "file_no_page": {
        "en": "{name}: no page of it can be read. Print it to a new PDF and add that.",
        "zh": "{name}：没有一页可以读取。请重新打印成 PDF 后再添加。",
    },
    "file_not_text": {
        "en": "{name}: the content is binary data, not text. Convert it to PDF, DOCX or text and add that.",
        "zh": "{name}：内容是二进制数据，不是文本。请转换为 PDF、DOCX 或文本后再添加。",
    },
    "file_parser_died": {
        "en": "{name}: the parser crashed on this file; other files are not affected. Save it anew or convert it.",
        "zh": "{name}：解析这个文件时程序崩溃，其他文件不受影响。请重新保存或转换格式后再试。",
    },
    "file_password_needed": {
        "en": "{name}: the PDF is encrypted. Give its password, or save it without one and add that.",
        "zh": "{name}：PDF 已加密。请提供密码，或另存为不带密码的文件后再添加。",
    },
    "file_password_wrong": {
        "en": "{name}: this password does not open the PDF. Check it and try again.",
        "zh": "{name}：密码不正确，无法打开这个 PDF。请核对后重试。",
    },
    "file_picture": {
        "en": '{name}: text recognition (OCR) is not installed. Install it with: pip install "tandem-assistant[ocr]"',
        "zh": '{name}：尚未安装文字识别（OCR）。请运行 pip install "tandem-assistant[ocr]" 后再添加图片。',
    },
    "file_picture_too_large": {
        "en": "{name}: the picture has more than {pixels} million pixels. Make it smaller and add it again.",
        "zh": "{name}：图片超过 {pixels} 百万像素。请缩小后再添加。",
    },
    "file_scanned": {
        "en": "{name}: its pages are pictures without a text layer. Run text recognition (OCR) over it and add the result.",
        "zh": "{name}：页面全是图片，没有文字层。请先做文字识别（OCR），再添加识别后的文件。",
    },
    "file_too_large": {
        "en": "{name}: {megabytes} MB is more than the {limit} MB that are read. Split the file.",
        "zh": "{name}：文件有 {megabytes} MB，超过 {limit} MB 的上限。请拆分后再添加。",
    },
    "file_too_many_pages": {
        "en": "{name}: {pages} pages are more than the {limit} that are read. Split the file.",
        "zh": "{name}：共 {pages} 页，超过 {limit} 页的上限。请拆分后再添加。",
    },
    "file_too_much_text": {
        "en": "{name}: it holds more than {limit} characters of text. Split the file.",
        "zh": "{name}：文字超过 {limit} 个字符。请拆分后再添加。",
    },
    "file_unopened": {
        "en": "{name}: the file cannot be opened ({detail}). Check that it is there and may be read.",
        "zh": "{name}：无法打开文件（{detail}）。请检查文件是否存在、是否有读取权限。",
    },
    "attachments_skipped": {
        "en": "Attachments are not read: {names}. Save them and add them as files.",
        "zh": "附件没有读取：{names}。请另存后作为文件添加。",
    },
    "document_partly_read": {
        "en": "A part of the file could not be read and was left out: {part}.",
        "zh": "文件的一部分无法读取，已跳过：{part}。",
    },
    "hidden_characters": {
        "en": "{count} invisible characters were removed; they can hide text from readers.",
        "zh": "已去除 {count} 个不可见字符，它们可能用来隐藏文字。",
    },
    "json_damaged": {
        "en": "The JSON is damaged near line {line}; the file was read as plain text.",
        "zh": "JSON 在第 {line} 行附近有错误，已按纯文本读取。",
    },
    "page_missing": {
        "en": "{name}: there is no page {page}. The file has {pages}.",
        "zh": "{name}：没有第 {page} 页，文件共 {pages} 页。",
    },
    "page_not_drawn": {
        "en": "{name}: only pages of PDF files can be shown as pictures. Read the passage's text instead.",
        "zh": "{name}：只有 PDF 的页面可以显示为图片。请直接查看段落文字。",
    },
    "pages_doubtful": {
        "en": "Some of the text layer on page {pages} is garbled; search may miss words there. Run OCR over the file if they matter.",
        "zh": "第 {pages} 页的部分文字是乱码，可能搜索不到。如有需要，请对文件做文字识别（OCR）。",
    },
    "pages_garbled": {
        "en": "The text layer on page {pages} is garbled and was left out. Run text recognition (OCR) over the file.",
        "zh": "第 {pages} 页的文字层是乱码，已跳过。请对文件做文字识别（OCR）。",
    },
    "pages_recoded": {
        "en": "The font on page {pages} lacks a character table; its text was read as {encoding}.",
        "zh": "第 {pages} 页的字体缺少字符对照表，已按 {encoding} 读取文字。",
    },
    "pages_unreadable": {
        "en": "Page {pages} is damaged and was left out.",
        "zh": "第 {pages} 页已损坏，已跳过。",
    },
    "pages_without_text": {
        "en": "Page {pages} has no text layer, probably a scan. Run text recognition (OCR) over the file.",
        "zh": "第 {pages} 页没有文字层，可能是扫描件。请对文件做文字识别（OCR）。",
    },
    "rows_cut": {
        "en": "{sheet}: only the first {rows} rows were read. Split the table.",
        "zh": "{sheet}：只读取了前 {rows} 行。请拆分表格。",
    },
    "text_gaps": {
        "en": "{count} places could not be decoded as {encoding} and are marked with �. Save the file as UTF-8.",
        "zh": "有 {count} 处无法按 {encoding} 解码，已用 � 标记。请把文件另存为 UTF-8。",
    },
    "text_mixed": {
        "en": "Its lines are in different character sets (UTF-8 and GB18030). Save the file as UTF-8.",
        "zh": "各行的编码不一致（UTF-8 与 GB18030 混用）。请把文件另存为 UTF-8。",
    },
    # embedding models
    "embedder_broken": {
        "en": "The embedding model in {folder} cannot be loaded: {reason}. Delete the folder and fetch it again.",
        "zh": "无法加载 {folder} 中的向量模型：{reason}。请删除该文件夹后重新获取。",
    },
    "embedder_missing": {
        "en": "There is no embedding model in {folder}: config.json is missing. Fetch it with `tandem models`.",
        "zh": "{folder} 中没有向量模型：缺少 config.json。请用 `tandem models` 获取。",
    },
    "embedder_without_safetensors": {
        "en": "The embedding model in {folder} has no safetensors weights; other formats can run code and are not "
        "opened. Choose a model that has them.",
        "zh": "{folder} 中的向量模型没有 safetensors 权重；其他格式可能会执行代码，因此不予打开。请选择带有 safetensors 的模型。",
    },
    # Store and search
    "base_name_taken": {
        "en": "There is a knowledge base called {name} already. Choose another name.",
        "zh": "已有名为“{name}”的知识库。请换一个名称。",
    },
    "base_name_wrong": {
        "en": "A knowledge base needs a name of 1 to 200 characters. Type another one.",
        "zh": "知识库名称须为 1 到 200 个字符。请重新输入。",
    },
    "base_unknown": {
        "en": "There is no knowledge base {base}. List them with `tandem bases`.",
        "zh": "没有知识库“{base}”。可用 `tandem bases` 查看全部知识库。",
    },
    "chunk_unknown": {
        "en": "Chunk {chunk} is gone: its file was deleted or indexed anew. Search again.",
        "zh": "片段 {chunk} 已不存在：所属文件已删除或重新索引。请重新检索。",
    },
    "edits_not_carried": {
        "en": "{count} edited or disabled chunks are cut differently now, so what you did to them was left out. Go back to"
        " the earlier index to have it again.",
        "zh": "有 {count} 个编辑过或停用的分块在新的切分方式下找不到对应位置，这些修改没有带过来。如需保留，可恢复到之前的索引。",
    },
    "edits_without_text": {
        "en": "{count} edited or disabled chunks have no counterpart in the changed files; what you did to them is gone.",
        "zh": "文件内容已改变，有 {count} 个编辑过或停用的分块找不到对应文字，这些修改已失效。",
    },
    "embedder_changed": {
        "en": "{base}: its index was made by another build of the embedder {embedder} ({made_with}) than the one"
        " here ({now}). Put the former model back, or re-index the base.",
        "zh": "{base}：索引所用的嵌入模型 {embedder}（{made_with}）与当前模型（{now}）不是同一个。"
        "请换回原模型，或重建该知识库的索引。",
    },
    "embedder_not_finite": {
        "en": "The embedder {embedder} returned values that are not numbers. Run it on the CPU or choose another.",
        "zh": "嵌入模型 {embedder} 返回了无效数值。请改用 CPU 运行，或换一个模型。",
    },
    "no_way_back": {
        "en": "{base}: there is no earlier index to go back to. Re-index it with the options you want.",
        "zh": "{base}：没有可恢复的旧索引。请用所需选项重建索引。",
    },
    "reranker_wrong": {
        "en": "{folder} is not a reranker that can be used ({reason}). Choose a cross-encoder with one label.",
        "zh": "{folder} 不是可用的重排模型（{reason}）。请选择单标签的交叉编码器。",
    },
    "evaluation_folder_wrong": {
        "en": "{folder} is not a BEIR folder ({reason}). It needs corpus.jsonl, queries.jsonl and qrels/*.tsv.",
        "zh": "{folder} 不是 BEIR 格式的文件夹（{reason}）。需要 corpus.jsonl、queries.jsonl 和 qrels/*.tsv。",
    },
    "segmenter_changed": {
        "en": "{base}: its word index was made by another version of Tandem, so a search may miss some words. Re-index"
        " the base; nothing is embedded anew.",
        "zh": "{base}：关键词索引由其他版本的 Tandem 建立，检索可能漏掉个别词。请重新索引该知识库，已有向量会沿用。",
    },
    "source_unknown": {
        "en": "File {source} is not in any knowledge base. It may have been deleted; reload the list.",
        "zh": "知识库中没有文件 {source}，可能已被删除。请刷新列表。",
    },
    "store_closed": {
        "en": "{path} is closed already. Open the knowledge folder again.",
        "zh": "{path} 已关闭。请重新打开知识库文件夹。",
    },
    "store_damaged": {
        "en": "{path} is damaged ({reason}). Restore it from a backup, or move it away and index again.",
        "zh": "{path} 已损坏（{reason}）。请从备份恢复，或移走该文件后重新索引。",
    },
    "store_failed": {
        "en": "{path} cannot be used ({reason}). Check the disk and try again.",
        "zh": "无法使用 {path}（{reason}）。请检查磁盘后重试。",
    },
    "store_full": {
        "en": "No room left at {path} ({reason}); what was stored before is safe. Free some disk space and"
        " go on.",
        "zh": "{path} 所在磁盘空间不足（{reason}），此前保存的内容完好。请清理磁盘后继续。",
    },
    "store_locked": {
        "en": "{path} is in use by another program ({reason}). Close that program and try again.",
        "zh": "{path} 正被其他程序占用（{reason}）。请关闭该程序后重试。",
    },
    "store_newer": {
        "en": "{path} was written by a newer version of Tandem. Update this installation.",
        "zh": "{path} 由更新版本的 Tandem 写入。请升级当前安装。",
    },
    "store_readonly": {
        "en": "{path} cannot be written ({reason}). Allow writing there, or choose another data folder.",
        "zh": "无法写入 {path}（{reason}）。请开放写权限，或换一个数据文件夹。",
    },
    "version_unknown": {
        "en": "The index {version} is gone: the base was deleted or re-indexed. Search again.",
        "zh": "索引 {version} 已不存在：知识库已删除或重建。请重新检索。",
    },
}


DETAILS: dict[str, dict[Language, str]] = {
    "broken_part": {"en": "{part} inside cannot be read", "zh": "其中的 {part} 无法读取"},
    "broken_picture": {"en": "broken picture", "zh": "图片数据已损坏"},
    "broken_workbook": {"en": "broken workbook", "zh": "工作簿数据已损坏"},
    "broken_xml": {"en": "broken XML", "zh": "XML 数据有错误"},
    "broken_zip": {"en": "broken ZIP container", "zh": "ZIP 容器已损坏"},
    "many_labels": {"en": "{labels} labels", "zh": "有 {labels} 个标签"},
    "missing_part": {"en": "no {part} inside", "zh": "缺少 {part}"},
    "no_body": {"en": "no document body", "zh": "没有正文"},
    "no_book": {"en": "no book inside", "zh": "其中没有电子书内容"},
    "no_mail_header": {"en": "no mail header", "zh": "没有邮件头"},
    "no_pdf": {"en": "no readable PDF", "zh": "PDF 结构无法识别"},
    "no_safetensors": {"en": "no safetensors weights", "zh": "没有 safetensors 权重"},
    "not_a_picture": {"en": "not a picture", "zh": "不是图片"},
    "not_of_type": {"en": "not a {type} file", "zh": "不是 {type} 文件"},
}
"""What a message's field `detail` or `reason` may name; anything else there is a technical code."""


def render(code: str, params: dict[str, Any], language: Language = "en") -> str:
    """Return the message for `code` in `language`, its fields filled from `params`."""
    told = dict(params)
    for field in ("detail", "reason"):
        if told.get(field) in DETAILS:
            told[field] = DETAILS[told[field]][language].format(**params)
    return MESSAGES[code][language].format(**told)
