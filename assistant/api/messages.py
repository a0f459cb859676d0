"""What the API tells, in English and Chinese; part of `assistant.messages.MESSAGES`."""

from typing import Literal

API_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "api_base_unknown": {
        "en": "There is no knowledge base {base}. Use one of: {names}.",
        "zh": "没有名为 {base} 的知识库。可用的有：{names}。",
    },
    "api_body_slow": {
        "en": "The request's body did not arrive within {seconds} seconds. Send it again.",
        "zh": "请求内容未在 {seconds} 秒内送达。请重新发送。",
    },
    "api_body_too_large": {
        "en": "The request is larger than {limit} bytes. Send less, or raise server.max_body_kb.",
        "zh": "请求超过 {limit} 字节。请减少内容，或调大 server.max_body_kb。",
    },
    "api_broken": {
        "en": "The server made a mistake while answering; its log has the details. Try again.",
        "zh": "服务器处理请求时出错，详情见其日志。请重试。",
    },
    "api_dimensions_fixed": {
        "en": "{model} embeds in {dimensions} dimensions and no other number. Leave dimensions out.",
        "zh": "{model} 的向量固定为 {dimensions} 维。请去掉 dimensions。",
    },
    "api_field_wrong": {
        "en": "{place}: {rule}. Correct it; /openapi.json describes every field.",
        "zh": "{place}：{rule_zh}。请改正；/openapi.json 说明了每个字段。",
    },
    "api_host_foreign": {
        "en": "This server does not answer under that name. Use its own address, or add the name to server.hosts.",
        "zh": "此服务不使用该主机名。请使用服务自身的地址，或将该名称加入 server.hosts。",
    },
    "api_input_too_long": {
        "en": "input.{index} has {tokens} tokens, {model} reads at most {limit}. Cut it into shorter texts.",
        "zh": "input.{index} 共 {tokens} 个 token，{model} 最多读取 {limit} 个。请切分成更短的文本。",
    },
    "api_json_malformed": {
        "en": "The body is not a JSON object: {reason}. Send one, in UTF-8.",
        "zh": "请求内容不是 JSON 对象：{reason}。请发送 UTF-8 编码的 JSON 对象。",
    },
    "api_method_wrong": {
        "en": "{method} is not possible here. Use {allowed}.",
        "zh": "此处不支持 {method}。请使用 {allowed}。",
    },
    "api_model_unknown": {
        "en": "There is no model {model}. Use one of: {names}.",
        "zh": "没有名为 {model} 的模型。可用的有：{names}。",
    },
    "api_no_logprobs": {
        "en": "The server that has {model} tells no probabilities. Leave logprobs out, or choose a model of this "
        "machine or of an OpenAI-compatible server.",
        "zh": "提供 {model} 的服务不给出概率。请去掉 logprobs，或选用本机模型、OpenAI 兼容服务上的模型。",
    },
    "api_no_reranker": {
        "en": "No reranker is chosen here. Choose one on the page Models, or set models.reranker.",
        "zh": "尚未选用重排模型。请在“模型”页面选用，或设置 models.reranker。",
    },
    "api_no_question": {
        "en": "The last of the messages must be the user's: it is the question. Add one.",
        "zh": "最后一条消息必须来自用户（user），它就是要回答的问题。请补上。",
    },
    "api_not_local": {
        "en": "{model} is served by another server, which is asked in messages. Use /v1/chat/completions.",
        "zh": "{model} 由另一服务器提供，只能以消息形式提问。请使用 /v1/chat/completions。",
    },
    "api_not_searching_raw": {
        "en": "{model} looks things up for a question. Use /v1/chat/completions, or base and sft:ADAPTER here.",
        "zh": "{model} 针对问题进行检索。请使用 /v1/chat/completions；此处可用 base 和 sft:适配器。",
    },
    "api_origin_foreign": {
        "en": "Pages of another site may not use this server. Open the page from the server itself, or call it "
        "from a program.",
        "zh": "其他网站的页面不能使用此服务。请打开服务器自己的页面，或从程序中调用。",
    },
    "api_path_unknown": {
        "en": "There is nothing at this address. /openapi.json lists what there is.",
        "zh": "此地址没有内容。/openapi.json 列出了所有接口。",
    },
    "api_provider_broken": {
        "en": "The server {provider}, which has this model, did not answer as it should. Try again; the log here has "
        "the details.",
        "zh": "提供此模型的服务 {provider} 未能正常回答。请重试；详情见本服务的日志。",
    },
    "api_provider_down": {
        "en": "The server {provider}, which has this model, cannot be reached. Try again later; the log here has the "
        "details.",
        "zh": "无法连接提供此模型的服务 {provider}。请稍后重试；详情见本服务的日志。",
    },
    "api_provider_refused": {
        "en": "The server {provider}, which has this model, refused the request (HTTP {http_status}). Ask for less or "
        "otherwise; the log here has its reason.",
        "zh": "提供此模型的服务 {provider} 拒绝了该请求（HTTP {http_status}）。请减少或修改请求；原因见本服务的日志。",
    },
    "api_provider_slow": {
        "en": "The server {provider}, which has this model, did not answer in time. Try again; the log here has the "
        "details.",
        "zh": "提供此模型的服务 {provider} 未及时回答。请重试；详情见本服务的日志。",
    },
    "api_queue_full": {
        "en": "Too many requests are waiting. Come back in {seconds} seconds.",
        "zh": "等待处理的请求过多。请在 {seconds} 秒后重试。",
    },
    "api_token_wrong": {
        "en": "This server asks for its token: send `Authorization: Bearer TOKEN`, with that of server.token.",
        "zh": "此服务需要口令：请发送 `Authorization: Bearer 口令`，口令见 server.token。",
    },
    "api_tokens_too_many": {
        "en": "{place} is too large: {asked}. This request may ask for at most {each} ({most} over its {texts} texts). "
        "Ask for fewer, or raise server.max_tokens.",
        "zh": "{place} 过大：{asked}。此请求最多可用 {each}（{texts} 段文本合计 {most}）。"
        "请减小该值，或调大 server.max_tokens。",
    },
    "serve_needs_token": {
        "en": "To listen on {host}, set a token in TANDEM_SERVER__TOKEN first, or use 127.0.0.1.",
        "zh": "要监听 {host}，请先用 TANDEM_SERVER__TOKEN 设置口令，或改用 127.0.0.1。",
    },
}
