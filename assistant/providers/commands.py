"""`tandem providers`: other programs' servers, listed, added, tried, removed; and which model answers."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assistant.help_pages import Commands
from assistant.terminal import JsonFlag, ProgressLine, note, say, settings_in_force, show

if TYPE_CHECKING:
    from assistant.providers.registry import Providers

providers_cli = Commands(
    no_args_is_help=False,
    invoke_without_command=True,
    help=say(
        "Use models on other servers; add, test, choose: tandem providers add",
        "使用其他服务上的模型；添加、测试、选用：tandem providers add",
    ),
)
NameArgument = Annotated[str, typer.Argument(help=say("What you call it.", "您给它的名称。"))]


@providers_cli.callback()
def providers(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the providers there are; `tandem providers list` does the same."""
    if context.invoked_subcommand is None:
        _list(as_json)


@providers_cli.command("list", help=say("List the servers there are.", "列出所有服务。"))
def list_providers(as_json: JsonFlag = False) -> None:
    """List the providers there are; none is asked."""
    _list(as_json)


@providers_cli.command("add", help=say("Keep a server in the data folder.", "把服务保存到数据目录。"))
def add(
    name: NameArgument,
    url: Annotated[
        str,
        typer.Argument(
            help=say("Its address; Ollama and Yuan2 have a usual one.", "地址；Ollama 与 Yuan2 可省略。")
        ),
    ] = "",
    kind: Annotated[str, typer.Option(help="openai | ollama | yuan2")] = "openai",
    key: Annotated[
        bool, typer.Option("--key", help=say("Ask for its key, unseen.", "提示输入密钥（不回显）。"))
    ] = False,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help=say(
                "A model on it that is the chat model with an adapter; may be repeated.",
                "该服务上带适配器的模型名，可重复。",
            )
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help=say("Seconds it may be silent.", "允许无响应的秒数。"))
    ] = None,
) -> None:
    """Keep a provider in the data folder, in place of one of its name."""
    if kind not in ("openai", "ollama", "yuan2"):
        raise typer.BadParameter(say("choose openai, ollama or yuan2", "请选择 openai、ollama 或 yuan2"))
    # A key in the command would stay in the shell's history.
    secret = typer.prompt(say("Key", "密钥"), hide_input=True, err=True) if key else None
    known = _providers()
    info = known.add(
        name, url, kind=kind, api_key=secret, adapters=tuple(adapter or ()) or None, timeout_s=timeout
    )
    print(f"{info.name}  {info.settings.kind}  {info.settings.base_url}")
    if not info.settings.is_here:
        note(
            say(
                "It is not on this machine: questions and passages are sent there when its model answers.",
                "它不在本机：由它的模型回答时，问题和检索到的段落会发送到该处。",
            )
        )
    note(say(f"Try it: tandem providers test {info.name}", f"测试：tandem providers test {info.name}"))


@providers_cli.command("change", help=say("Change a server; its key stays.", "修改服务；密钥保留。"))
def change(
    name: NameArgument,
    url: Annotated[str | None, typer.Option(help=say("Its address.", "地址。"))] = None,
    key: Annotated[
        bool | None,
        typer.Option(
            "--key/--no-key", help=say("Ask for a new key, or forget it.", "输入新密钥，或删除密钥。")
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help=say("Seconds it may be silent.", "允许无响应的秒数。"))
    ] = None,
    parallel: Annotated[int | None, typer.Option(help=say("Requests at once.", "同时请求数。"))] = None,
    context_tokens: Annotated[
        int | None, typer.Option(help=say("Tokens of prompt and answer.", "提示与回答的 token 上限。"))
    ] = None,
) -> None:
    """Change what is given of a provider that is kept in the data folder."""
    given: dict[str, Any] = {
        "base_url": url,
        "timeout_s": timeout,
        "parallel": parallel,
        "context_tokens": context_tokens,
    }
    given = {field: value for field, value in given.items() if value is not None}
    if key is not None:
        given["api_key"] = typer.prompt(say("Key", "密钥"), hide_input=True, err=True) if key else None
    info = _providers().change(name, **given)
    print(f"{info.name}  {info.settings.kind}  {info.settings.base_url}")


@providers_cli.command("test", help=say("Ask a server for its models.", "向服务查询其模型。"))
def try_out(
    name: NameArgument,
    model: Annotated[
        str | None, typer.Option(help=say("Also ask this model for a few words.", "并让该模型说几个词。"))
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a server for its models and, where one is named, for a few words of it."""
    from assistant.arms import to_json

    found = _providers().test(name, model=model)
    if as_json:
        show(to_json(found))
        return
    for served in found.models:
        of = say(f"  adapter of {served.parent}", f"  {served.parent} 的适配器") if served.parent else ""
        size = f"  {served.size_bytes / 1e9:.1f} GB" if served.size_bytes else ""
        print(f"provider:{name}/{served.id}{size}{of}")
    note(
        say(
            f"{len(found.models)} models in {found.latency_ms:.0f} ms",
            f"{len(found.models)} 个模型，用时 {found.latency_ms:.0f} 毫秒",
        )
    )
    if found.answer is not None:
        note(
            say(
                f"{model}: first word after {found.first_word_ms:.0f} ms: {found.answer}",
                f"{model}：{found.first_word_ms:.0f} 毫秒后开始回答：{found.answer}",
            )
        )


@providers_cli.command("pull", help=say("Let an Ollama server download a model.", "让 Ollama 下载模型。"))
def pull(name: NameArgument, model: str) -> None:
    """Let an Ollama server download a model; Ctrl-C stops it, and the next pull goes on from there."""
    from assistant.providers.asking import Hangup

    _providers().pull(name, model, ProgressLine(model), hangup=Hangup())
    note("")
    print(f"provider:{name}/{model}")


@providers_cli.command("remove", help=say("Forget a server and its key.", "删除服务及其密钥。"))
def remove(name: NameArgument) -> None:
    """Forget a provider and its key."""
    _providers().remove(name)


@providers_cli.command(
    "use", help=say("Let a model answer: provider:NAME/MODEL.", "选择回答的模型：provider:名称/模型。")
)
def use(
    model: Annotated[
        str, typer.Argument(help=say("A model's name; without one, the default.", "模型名；省略则恢复默认。"))
    ] = "",
    work: Annotated[
        str, typer.Option("--for", help="chat | embedding | reranker", metavar=say("WORK", "用途"))
    ] = "chat",
) -> None:
    """Choose the model that answers, embeds new knowledge bases or reranks, as the page Models does."""
    from assistant.errors import AssistantError
    from assistant.settings import is_set

    if work not in ("chat", "embedding", "reranker"):
        raise typer.BadParameter(
            say("choose chat, embedding or reranker", "请选择 chat、embedding 或 reranker")
        )
    if is_set(settings_in_force(), work):  # type: ignore[arg-type]
        raise AssistantError("settings_choose", setting=f"models.{work}")
    _providers().choose(model, work)  # type: ignore[arg-type]
    print(getattr(settings_in_force().models, work) or "-")
    if work == "embedding":
        note(
            say(
                "Knowledge bases that there are keep their own until they are indexed again (page Documents).",
                "已有的知识库在重新索引（“文档”页面）之前仍使用原来的模型。",
            )
        )


def _list(as_json: bool) -> None:
    known = _providers().all()
    if as_json:
        show(
            [
                {
                    "name": info.name,
                    "kind": info.settings.kind,
                    "base_url": info.settings.base_url,
                    "has_key": info.settings.api_key is not None,
                    "configured": info.configured,
                }
                for info in known
            ]
        )
        return
    for info in known:
        where = say("  (settings)", "  （配置文件）") if info.configured else ""
        print(f"{info.name:20} {info.settings.kind:8} {info.settings.base_url}{where}")
    if not known:
        note(
            say(
                "There are none. Add one: tandem providers add NAME URL",
                "还没有。添加：tandem providers add 名称 地址",
            )
        )


def _providers() -> "Providers":
    from assistant.providers.registry import Providers

    return Providers(settings_in_force())
