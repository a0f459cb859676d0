"""What can be told about providers, in English and Chinese; part of `assistant.messages.MESSAGES`."""

from typing import Literal

PROVIDER_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    "fetch_running": {
        "en": "{name} is being fetched already. Wait for it or stop it.",
        "zh": "{name} 正在获取中。请等待或停止它。",
    },
    "hub_address_wrong": {
        "en": "This is no address of a hub's mirror: {reason}. Correct it.",
        "zh": "这不是镜像站地址：{reason}。请改正。",
    },
    "provider_answer_broken": {
        "en": "{provider} broke off in the middle of its answer: {reason}. Ask again.",
        "zh": "{provider} 的回答中途断开：{reason}。请重新提问。",
    },
    "provider_busy": {
        "en": "{provider} has no room for another request now (HTTP {status}). Ask again in a moment.",
        "zh": "{provider} 目前没有空闲处理新的请求（HTTP {status}）。请稍后重试。",
    },
    "provider_cannot": {
        "en": "{provider} is a server of kind {kind}, which has no {what}. Use a server that has it.",
        "zh": "{provider} 属于 {kind} 类服务，不提供 {what}。请换用支持的服务。",
    },
    "provider_configured": {
        "en": "{provider} is set in tandem.toml or the environment. Change or remove it there.",
        "zh": "{provider} 是在 tandem.toml 或环境变量中设置的。请在那里修改或删除。",
    },
    "provider_down": {
        "en": "{provider} at {url} cannot be reached: {reason}. Start that server, or correct its address.",
        "zh": "无法连接位于 {url} 的 {provider}：{reason}。请启动该服务，或改正其地址。",
    },
    "provider_failed": {
        "en": "{provider} answered with an error (HTTP {status}): {reason}. Its own log may say more.",
        "zh": "{provider} 返回错误（HTTP {status}）：{reason}。该服务的日志中可能有更多说明。",
    },
    "provider_key_wrong": {
        "en": "{provider} refuses the key (HTTP {status}). Correct it on the page Models or in its settings.",
        "zh": "{provider} 拒绝了密钥（HTTP {status}）。请在“模型”页面或其设置中改正。",
    },
    "provider_model_elsewhere": {
        "en": "{name} runs on another program's server, and its files are not here. Name a model of this machine.",
        "zh": "{name} 运行在其他程序的服务上，本机没有它的文件。请指定本机的模型。",
    },
    "provider_model_missing": {
        "en": "{provider} has no model {model}. Choose one that it lists, or load it there first.",
        "zh": "{provider} 没有模型 {model}。请从它列出的模型中选择，或先在该服务上加载。",
    },
    "provider_model_wrong": {
        "en": "{name} names no model of a provider. Write provider:NAME/MODEL; `tandem providers` lists them.",
        "zh": "{name} 不是服务上的模型名。请写作 provider:名称/模型；`tandem providers` 会列出所有服务。",
    },
    "provider_name_wrong": {
        "en": "A provider cannot be called {name!r}. Use letters, digits, and . _ - inside, at most 64.",
        "zh": "服务名称不能是 {name!r}。请使用字母、汉字、数字，中间可含 . _ -，最多 64 个字符。",
    },
    "provider_package_missing": {
        "en": "{provider} needs the Python package {package}. Install it: pip install {package}",
        "zh": "{provider} 需要 Python 软件包 {package}。请安装：pip install {package}",
    },
    "provider_slow": {
        "en": "{provider} at {url} was silent for {seconds} seconds. Try again, or raise its timeout_s.",
        "zh": "位于 {url} 的 {provider} 在 {seconds} 秒内没有响应。请重试，或调大其 timeout_s。",
    },
    "provider_speaks_otherwise": {
        "en": "What answers at {url} does not speak the API of {kind}: {reason}. Correct the address of {provider}.",
        "zh": "{url} 处的程序不提供 {kind} 接口：{reason}。请改正 {provider} 的地址。",
    },
    "provider_unknown": {
        "en": "There is no provider {name}. There are: {names}. Add one with: tandem providers add NAME URL",
        "zh": "没有名为 {name} 的服务。现有：{names}。添加：tandem providers add 名称 地址",
    },
    "provider_wrong": {
        "en": "Provider {name} cannot be used: {reason}. Correct it.",
        "zh": "服务 {name} 无法使用：{reason}。请改正。",
    },
    "providers_unreadable": {
        "en": "{file} cannot be read: {reason}. Mend it, or move it away and add the providers again.",
        "zh": "无法读取 {file}：{reason}。请修正，或移走后重新添加服务。",
    },
    "providers_unwritable": {
        "en": "{file} cannot be written: {reason}. Check the disk and the folder's rights.",
        "zh": "无法写入 {file}：{reason}。请检查磁盘和目录权限。",
    },
    "settings_choose": {
        "en": "{setting} is set in tandem.toml or the environment, which decides. Change it there.",
        "zh": "{setting} 已在 tandem.toml 或环境变量中设置，以其为准。请在那里修改。",
    },
}
