"""Chat templates written for these tests, each with one habit of a family of models, and a tokenizer for them."""

import copy
from functools import lru_cache
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIALS = ["<|im_start|>", "<|im_end|>", "<|begin|>", "<|user|>", "<|assistant|>", "<|end|>", "<s>", "</s>",
            "<start_of_turn>", "<end_of_turn>"]  # fmt: skip

# A default system text where there is none, as Qwen2.5 and SmolLM2 add.
DEFAULT_SYSTEM = (
    "{% if messages[0]['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# Thinking only in the last turn, an empty block where there is none, as Qwen3 has it.
EMPTY_BLOCK = """\
{%- set place = namespace(asked=-1) -%}
{%- for m in messages -%}{%- if m.role == 'user' -%}{%- set place.asked = loop.index0 -%}{%- endif -%}{%- endfor -%}
{%- for m in messages -%}
{{- '<|im_start|>' + m.role + '\\n' -}}
{%- if m.role == 'assistant' -%}
{%- set said = m.content -%}{%- set thought = '' -%}
{%- if '</think>' in said -%}
{%- set thought = said.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') -%}
{%- set said = said.split('</think>')[-1].lstrip('\\n') -%}
{%- endif -%}
{%- if loop.index0 > place.asked and (loop.last or thought) -%}
{{- '<think>\\n' + thought + '\\n</think>\\n\\n' -}}
{%- endif -%}
{{- said -}}
{%- else -%}{{- m.content -}}{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

# Thinking cut from every turn, the block opened in the generation prompt, as DeepSeek-R1 has it.
OPENED_BLOCK = """\
{{- '<|begin|>' -}}
{%- for m in messages -%}
{%- if m.role == 'system' -%}{{- m.content -}}
{%- elif m.role == 'user' -%}{{- '<|user|>' + m.content -}}
{%- else -%}
{%- set said = m.content -%}
{%- if '</think>' in said -%}{%- set said = said.split('</think>')[-1] -%}{%- endif -%}
{{- '<|assistant|>' + said + '<|end|>' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|><think>\\n' -}}{%- endif -%}
"""

# No generation prompt, a space before the answer, the user first, turns by turns, as Llama 2 has it.
STRICT = """\
{%- set turns = messages -%}
{%- if messages[0].role == 'system' -%}{%- set turns = messages[1:] -%}{%- endif -%}
{%- for m in turns -%}
{%- if (m.role == 'user') != (loop.index0 % 2 == 0) -%}{{- raise_exception('Roles must alternate') -}}{%- endif -%}
{%- set said = m.content -%}
{%- if loop.first and messages[0].role == 'system' -%}
{%- set said = '<<SYS>>\\n' + messages[0].content + '\\n<</SYS>>\\n\\n' + said -%}
{%- endif -%}
{%- if m.role == 'user' -%}{{- '<s>[INST] ' + said.strip() + ' [/INST]' -}}
{%- else -%}{{- ' ' + said.strip() + ' </s>' -}}{%- endif -%}
{%- endfor -%}
"""

# Refuses a system message, trims, calls the assistant "model", as Gemma does.
NO_SYSTEM = """\
{{- '<s>' -}}
{%- for m in messages -%}
{%- if m.role == 'system' -%}{{- raise_exception('System role not supported') -}}{%- endif -%}
{{- '<start_of_turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' + m.content | trim + '<end_of_turn>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<start_of_turn>model\\n' -}}{%- endif -%}
"""

# Plain headings and no stop token at all.
NO_STOP = (
    "{% for m in messages %}{{ '### ' + m['role'] + ':\n' + m['content'] + '\n\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)

# With the marks that transformers' own assistant mask needs: what this project's mask is compared with.
GENERATION = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ '<|im_start|>assistant\n' }}"
    "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{% else %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

TEXTS = [
    "The quick brown fox jumps over the lazy dog. How many files are there? There are 12 files.",
    "你好，请问怎样安装这个软件？请先下载安装包，然后双击运行。\n\n谢谢！",
    "You are a helpful assistant. I think, therefore I am.\n- one\n- two\n",
]


@lru_cache
def _trained() -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", additional_special_tokens=SPECIALS
    )


def tiny_tokenizer(template: str | None, *, eos: str = "<|im_end|>") -> Any:
    """Return a byte-level tokenizer of 600 tokens, in which most Chinese characters are several tokens."""
    tokenizer = copy.deepcopy(_trained())
    tokenizer.eos_token = eos
    tokenizer.chat_template = template
    return tokenizer


# Calls in tags, arguments as an object, tools in the system message, a tool's result as a user turn, as Qwen has it.
CALLS = """\
{%- if tools -%}{{- '<|im_start|>system\\n' -}}{%- for t in tools -%}{{- t | tojson -}}{%- endfor -%}{{- '<|im_end|>\\n' -}}{%- endif -%}
{%- for m in messages -%}
{{- '<|im_start|>' + ('user' if m.role == 'tool' else m.role) + '\\n' -}}
{%- if m.role == 'tool' -%}{{- '<tool_response>\\n' + m.content + '\\n</tool_response>' -}}{%- else -%}{{- m.content -}}{%- endif -%}
{%- for call in m.tool_calls or [] -%}
{{- '<tool_call>\\n' + call.function.name + ' ' + (call.function.arguments | tojson) + '\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

# The same with the arguments joined as text, as DeepSeek-V3 has it, and no word of tools.
TEXT_CALLS = CALLS.replace("(call.function.arguments | tojson)", "call.function.arguments").replace(
    "{%- if tools", "{%- if x"
)

# Thinking from a field of its own, as Qwen3.5 and gpt-oss take it; inline thinking would stand after an empty block.
THOUGHT_FIELD = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' }}"
    "{% if m.role == 'assistant' and loop.last %}{{ '<think>\n' + (m.reasoning_content or '') + '\n</think>\n\n' }}"
    "{% endif %}{{ m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}"
)
