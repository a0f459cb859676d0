"""What training, its checks, the registry and exports say to people; merged into `finetune.messages.MESSAGES`."""

from typing import Literal

TRAINING_MESSAGES: dict[str, dict[Literal["en", "zh"], str]] = {
    # settings
    "config_key_missing": {
        "en": "{file}: {key} is missing. Say which {key} to use.",
        "zh": "{file}：缺少 {key}。请指定 {key}。",
    },
    "config_key_not_applied": {
        "en": "{key}: {value} has no counterpart here and is not applied.",
        "zh": "{key}: {value} 在此没有对应的设置，不起作用。",
    },
    "config_key_ours": {
        "en": "{key}: {value} is not needed: Tandem decides this itself (the tokenizer's own template, its own runs folder).",
        "zh": "{key}: {value} 无需设置：Tandem 会自行决定（使用分词器自带的模板和自己的运行目录）。",
    },
    "config_key_translated": {
        "en": "{key}: {value} became one of Tandem's own configurations; see distributed.",
        "zh": "{key}: {value} 已换成 Tandem 自带的配置，见 distributed。",
    },
    "config_key_unknown": {
        "en": "{file}: there is no setting {key}. Check its spelling; `tandem train --help` lists them.",
        "zh": "{file}：没有名为 {key} 的设置。请检查拼写；`tandem train --help` 列出了全部设置。",
    },
    "config_many_datasets": {
        "en": "{file}: several datasets in one run are not supported: {datasets}. Name one, or join their files.",
        "zh": "{file}：一次训练不支持多个数据集：{datasets}。请只指定一个，或先合并文件。",
    },
    "config_unreadable": {
        "en": "{file} cannot be read as settings: {reason}. Write it as YAML, `learning_rate: 0.0002` a line.",
        "zh": "无法读取设置文件 {file}：{reason}。请使用 YAML 格式，每行一项，如 `learning_rate: 0.0002`。",
    },
    "config_value_wrong": {
        "en": "{file}: {key} cannot be {value}; it wants {rule}.",
        "zh": "{file}：{key} 的值 {value} 无效，应为 {rule}。",
    },
    "few_steps": {
        "en": "The run has only {steps} steps, and under {few} a model may change little. If its answers stay as they were, add rows or epochs.",
        "zh": "本次训练只有 {steps} 步，少于 {few} 步时模型可能变化不大。若回答没有变化，可增加数据或轮数。",
    },
    "method_export_only": {
        "en": "What {method} makes can be exported for PEFT, but cannot answer here. Choose LoRA or IA3 for an adapter to ask.",
        "zh": "{method} 的结果可导出给 PEFT 使用，但不能在此回答。若要在此提问，请选择 LoRA 或 IA3。",
    },
    "model_other_language": {
        "en": "{share} % of the rows are Chinese, which {model} hardly knows: its answers will take on their manner and little sense. For Chinese, choose a model that reads it on the page Models.",
        "zh": "{share}% 的数据是中文，而 {model} 几乎不懂中文：训练后只能模仿语气，内容多半不通。若要训练中文，请在“模型”页换用懂中文的模型。",
    },
    "many_steps": {
        "en": "The run has {steps} steps, more than {many}. Fewer epochs or rows (max_samples) often do as well.",
        "zh": "本次训练共 {steps} 步，超过 {many} 步。减少轮数或数据（max_samples）往往效果相当。",
    },
    "deepspeed_missing": {
        "en": "{distributed} needs DeepSpeed, which is not installed. Run `pip install deepspeed`, or choose ddp or fsdp2.",
        "zh": "{distributed} 需要 DeepSpeed，但尚未安装。请运行 `pip install deepspeed`，或改用 ddp、fsdp2。",
    },
    "distributed_needs_gpus": {
        "en": "{distributed} needs GPUs, and there is none here. On CPUs processes can share the work by ddp.",
        "zh": "{distributed} 需要 GPU，而本机没有。在 CPU 上可用 ddp 让多个进程分担。",
    },
    "processes_uneven": {
        "en": "{processes} processes cannot be spread evenly over {machines} machines. Choose a multiple.",
        "zh": "{processes} 个进程无法平均分配到 {machines} 台机器。请设为机器数的整数倍。",
    },
    "sharded_method": {
        "en": "{method} cannot be trained with {distributed}, where no process holds the whole model. Take lora, or ddp.",
        "zh": "{distributed} 下没有进程持有完整模型，无法使用 {method}。请改用 lora 或 ddp。",
    },
    "fp16_unavailable": {
        "en": "fp16 needs a CUDA device, and this one is {device}. Choose bf16, fp32 or auto.",
        "zh": "fp16 需要 CUDA 设备，当前设备为 {device}。请选择 bf16、fp32 或 auto。",
    },
    "packing_with_prompt": {
        "en": "Packing cannot be combined with {method}, whose virtual tokens stand before a whole sequence. Turn packing off.",
        "zh": "packing 不能与 {method} 同时使用：虚拟 token 位于整个序列之前。请关闭 packing。",
    },
    "qlora_unavailable": {
        "en": "QLoRA needs a CUDA device and bitsandbytes; this device is {device}. Install bitsandbytes, or choose lora.",
        "zh": "QLoRA 需要 CUDA 设备和 bitsandbytes；当前设备为 {device}。请安装 bitsandbytes，或改用 lora。",
    },
    "stage_not_offered": {
        "en": "Stage {stage} is not offered; sft, pt, dpo and kto are. Where the rows hold two answers each, take dpo.",
        "zh": "不支持训练阶段 {stage}，目前支持 sft、pt、dpo 和 kto。每行有两个回答时可用 dpo。",
    },
    "targets_unknown": {
        "en": "The model has no modules {targets} to train: {reason}. Use all-linear.",
        "zh": "模型中没有可训练的模块 {targets}：{reason}。请使用 all-linear。",
    },
    "tracker_missing": {
        "en": "report_to: {tracker} is not installed. Run `pip install {tracker}`, or leave report_to out.",
        "zh": "report_to：未安装 {tracker}。请运行 `pip install {tracker}`，或去掉 report_to。",
    },
    # runs
    "adapter_name_taken": {
        "en": "There is an adapter {name} already. Choose another name, or delete it with `tandem adapters delete {name}`.",
        "zh": "已有名为 {name} 的适配器。请换个名称，或用 `tandem adapters delete {name}` 删除它。",
    },
    "name_unusable": {
        "en": "{name} cannot be a name. Use letters, digits, spaces, - _ and . and no more than 80 of them.",
        "zh": "名称 {name} 不可用。请使用文字、数字、空格、- _ 和 .，不超过 80 个字符。",
    },
    "packing_with_preference": {
        "en": "Packing cannot be combined with {stage}, which compares whole answers. Turn packing off.",
        "zh": "packing 不能与 {stage} 同时使用：它要比较完整的回答。请关闭 packing。",
    },
    "rows_not_of_stage": {
        "en": "{stage} cannot use rows of this kind: {kinds}. Leave them out, or choose another stage.",
        "zh": "{stage} 无法使用这类数据：{kinds}。请去掉它们，或更换 stage。",
    },
    "rows_of_several_kinds": {
        "en": "The dataset mixes rows of several kinds ({kinds}), which are trained in different ways. Set stage: sft uses the good answers of all of them.",
        "zh": "数据集混有几种类型的数据（{kinds}），训练方式各不相同。请设置 stage：sft 会使用其中所有的好回答。",
    },
    "run_alive": {
        "en": "Run {run} is still at work. Stop it first with `tandem runs stop {run}`.",
        "zh": "训练 {run} 仍在进行。请先用 `tandem runs stop {run}` 停止。",
    },
    "run_complete": {
        "en": "Run {run} is complete; there is nothing to resume. Start a new one with its config.yaml.",
        "zh": "训练 {run} 已完成，无需继续。可用它的 config.yaml 开始新的训练。",
    },
    "run_died": {
        "en": "The process ended without a word, killed or switched off. Resume from the last checkpoint with `tandem runs resume {run}`.",
        "zh": "进程意外结束（被终止或断电）。可用 `tandem runs resume {run}` 从最近的检查点继续。",
    },
    "run_unknown": {
        "en": "There is no run {run}. `tandem runs` lists those there are.",
        "zh": "没有训练 {run}。运行 `tandem runs` 查看列表。",
    },
    "training_broke": {
        "en": "Training ended with an error: {reason}. The whole story is in the run's log.txt.",
        "zh": "训练因错误结束：{reason}。详情见该训练的 log.txt。",
    },
    "training_disk_full": {
        "en": "The disk is full: {folder}. Make room, then resume; the last whole checkpoint is kept.",
        "zh": "磁盘已满：{folder}。请腾出空间后继续；最近的完整检查点已保留。",
    },
    "training_loss_not_finite": {
        "en": "The loss became {value} at step {step}, so the run was stopped; the last good checkpoint is kept. Lower the learning rate ({rate}) and start again.",
        "zh": "第 {step} 步的损失变为 {value}，训练已停止，最近的正常检查点已保留。请调低学习率（{rate}）后重新开始。",
    },
    "training_no_memory": {
        "en": "Training needs {needed} with one row at a time and checkpointing, and {free} is free. Lower max_length, take a smaller model, or QLoRA on a GPU.",
        "zh": "即使每次一行并启用梯度检查点，训练仍需 {needed}，可用仅 {free}。请减小 max_length、换更小的模型，或在 GPU 上使用 QLoRA。",
    },
    # what happened during a run
    "bad_answers_left_out": {
        "en": "{rows} rows are labelled bad; there is nothing to imitate in them, so they are left out. With stage kto they count.",
        "zh": "有 {rows} 行标为坏回答，不适合模仿，已略去。使用 stage: kto 时它们会参与训练。",
    },
    "adapter_export_only": {
        "en": "Adapter {name} passed its checks. Made of virtual tokens, it cannot answer here; PEFT can use its folder elsewhere.",
        "zh": "适配器 {name} 已通过检查。它由虚拟 token 组成，无法在此回答，可导出后用 PEFT 加载。",
    },
    "gate_export_only": {
        "en": "{method} puts virtual tokens before a prompt, which answers made together cannot share. The folder can be used with PEFT elsewhere.",
        "zh": "{method} 会在提示词前加入虚拟 token，无法与其他请求同批回答。可导出后用 PEFT 加载。",
    },
    "model_made": {
        "en": "The trained model passed its checks: {folder}. To use it, choose that folder as the chat model ([models] chat).",
        "zh": "训练后的模型已通过检查：{folder}。将该目录设为对话模型（[models] chat）即可使用。",
    },
    "model_not_adapter": {
        "en": "This run made a whole model, not an adapter: {folder}. Choose that folder as the chat model ([models] chat).",
        "zh": "本次训练得到的是完整模型而非适配器：{folder}。请将该目录设为对话模型（[models] chat）。",
    },
    "general_rows_mixed_in": {
        "en": "{rows} general questions of Tandem's own are trained besides, so that the model keeps what it knew (replay).",
        "zh": "另外混入了 {rows} 条 Tandem 自带的常识问答一起训练，以免模型遗忘原有知识（replay）。",
    },
    "batch_made_smaller": {
        "en": "To fit into memory, {micro} rows are computed at a time, {times} times a step (checkpointing: {checkpointing}); rows per step stay {rows}.",
        "zh": "为适应内存，每次计算 {micro} 行，每步 {times} 次（梯度检查点：{checkpointing}）；每步仍为 {rows} 行。",
    },
    "stopped_early": {
        "en": "Stopped early at step {step}: the held-out loss did not improve for {patience} evaluations.",
        "zh": "在第 {step} 步提前停止：验证损失已连续 {patience} 次没有改善。",
    },
    # gates
    "gate_answers_end": {
        "en": "{share} % of {answers} sample answers ended by themselves, fewer than {limit} %.",
        "zh": "{answers} 个示例回答中只有 {share}% 自行结束，低于 {limit}%。",
    },
    "gate_did_not_move": {
        "en": "The weights did not change: {modules} of {all} trained parts are still zero.",
        "zh": "权重没有变化：{all} 个训练部分中有 {modules} 个仍为零。",
    },
    "gate_forgets": {
        "en": "General knowledge fell from {before} % to {after} % of {items} questions.",
        "zh": "{items} 道常识题的正确率从 {before}% 降到 {after}%。",
    },
    "gate_held_out": {
        "en": "The loss on held-out rows is {after}, not below the base model's {before}.",
        "zh": "验证数据上的损失为 {after}，没有低于基础模型的 {before}。",
    },
    "gate_merge_differs": {
        "en": "Merged into the weights and rounded, the model keeps {kept} % of what was learnt, less than {limit} %: {same} of {answers} answers are the same. Use the adapter beside its base instead.",
        "zh": "合并并舍入到权重精度后，模型只保留所学内容的 {kept}%，低于 {limit}%；{answers} 个回答中 {same} 个一致。建议不合并，直接使用适配器。",
    },
    "gate_not_finite": {
        "en": "{tensors} tensors hold infinite values or none at all, such as {name}.",
        "zh": "{tensors} 个张量含有无穷或非数值，例如 {name}。",
    },
    "gate_served_differs": {
        "en": "The engine answers differently from transformers: {same} of {answers} answers are the same.",
        "zh": "引擎与 transformers 的回答不同：{answers} 个回答中 {same} 个一致。",
    },
    "gate_shape": {
        "en": "The weights do not fit the base model: {reason}. Choose the model it was trained on.",
        "zh": "权重与基础模型不匹配：{reason}。请选择训练时使用的模型。",
    },
    "gate_stopped_thinking": {
        "en": "The base model thinks before it answers ({before} of {answers}), the adapter no longer does ({after}).",
        "zh": "基础模型会先思考再回答（{answers} 个中 {before} 个），训练后不再思考（{after} 个）。",
    },
    # what to do when gates fail
    "next_fewer_epochs": {
        "en": "What to do: end the training where that loss was lowest, with {changes}, or bring more rows.",
        "zh": "建议：在损失最低处结束训练（{changes}），或增加数据。",
    },
    "next_higher_rate": {
        "en": "What to do: train again with larger steps: {changes}",
        "zh": "建议：用更大的步幅重新训练：{changes}",
    },
    "next_longer": {
        "en": "What to do: train longer: {changes}. If the data check lists rows without a stop token, mend those first.",
        "zh": "建议：延长训练：{changes}。如果数据检查列出了没有停止符的行，请先修正。",
    },
    "next_lower_rate": {
        "en": "What to do: train again with smaller steps: {changes}",
        "zh": "建议：用更小的步幅重新训练：{changes}",
    },
    "next_replay": {
        "en": "What to do: mix in general questions and train again: {changes}",
        "zh": "建议：混入常识问答后重新训练：{changes}",
    },
    "next_smaller_steps": {
        "en": "What to do: train again with smaller steps and more of them: {changes}",
        "zh": "建议：用更小的步幅训练更多步：{changes}",
    },
    "next_thinking": {
        "en": "What to do: use rows whose answers hold thinking, with thinking=keep, or choose a base model that does not think.",
        "zh": "建议：使用回答中带思考的数据（thinking=keep），或换用不带思考的基础模型。",
    },
    # registry
    "adapter_damaged": {
        "en": "Adapter {name} is not whole: {file} is missing or was changed. Train it again, or import it anew.",
        "zh": "适配器 {name} 不完整：{file} 缺失或已被改动。请重新训练或重新导入。",
    },
    "adapter_incomplete": {
        "en": "Adapter {name} has no valid COMPLETE.json, so it was never finished. Import its folder with `tandem adapters import`.",
        "zh": "适配器 {name} 没有有效的 COMPLETE.json，并未完成。可用 `tandem adapters import` 导入该文件夹。",
    },
    "adapter_no_folder": {
        "en": "{folder} is no PEFT adapter: {file} is missing. Give the folder that holds adapter_config.json.",
        "zh": "{folder} 不是 PEFT 适配器：缺少 {file}。请指定包含 adapter_config.json 的文件夹。",
    },
    "adapter_not_offered": {
        "en": "The adapter did not pass its checks and is not offered: {reasons}",
        "zh": "适配器未通过检查，不予提供：{reasons_zh}",
    },
    "adapter_not_offered_yet": {
        "en": "Run {run} has no result that passed its checks. `tandem runs show {run}` says why.",
        "zh": "训练 {run} 没有通过检查的结果。`tandem runs show {run}` 会说明原因。",
    },
    "adapter_unknown": {
        "en": "There is no adapter {name}. `tandem adapters` lists those there are.",
        "zh": "没有适配器 {name}。运行 `tandem adapters` 查看列表。",
    },
    "adapter_without_base": {
        "en": "{folder} does not say which model it belongs to. Name it with --model.",
        "zh": "{folder} 没有说明所属的模型。请用 --model 指定。",
    },
    "adapter_written": {
        "en": "Adapter {name} passed its checks and is ready: {folder}",
        "zh": "适配器 {name} 已通过检查，可以使用：{folder}",
    },
    # export
    "export_exists": {
        "en": "{folder} is not empty. Choose another folder.",
        "zh": "{folder} 不是空文件夹。请选择其他文件夹。",
    },
    "export_not_mergeable": {
        "en": "Adapter {name} is of kind {kind}, which cannot be merged into the weights. Use it as an adapter.",
        "zh": "适配器 {name} 属于 {kind} 类型，无法合并到权重中。请作为适配器使用。",
    },
    "export_gguf_failed": {
        "en": "The converter failed: {reason}. Run it yourself to see more: {command}",
        "zh": "转换失败：{reason}。可自行运行查看详情：{command}",
    },
    "export_gguf_by_hand": {
        "en": "llama.cpp's converter is not here. With it, run: {command}",
        "zh": "本机没有 llama.cpp 的转换工具。安装后运行：{command}",
    },
}  # fmt: skip
"""In the order of the work: settings, runs, gates, registry, export."""
