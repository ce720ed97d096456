# The seeds of a small model in one job, where the configuration has `batch_seeds`.
ruleorder: train_seeds > train


rule train_seeds:
    input:
        unpack(run_data),
        settings=of_seeds("settings.json"),
        code=lambda wildcards: closure("train-seeds", wildcards.model),
    output:
        weights=of_seeds("model.safetensors"),
        history=of_seeds("history.csv"),
        epochs=of_seeds("epochs.npz"),
        record=of_seeds("training.json"),
        predictions=of_seeds("predictions/clean.npz"),
    log:
        "logs/{dataset}/{model}/{variant}-{target}-train.log",
    benchmark:
        f"{RUNS}/{{dataset}}/{{model}}/{{variant}}/{{target}}/benchmarks/train.tsv"
    wildcard_constraints:
        model=one_of(
            name for name in CONFIG.models if settings.seeds_together(CONFIG, name)
        ),
        dataset=one_of(TRAINED),
        variant="main|best|no-\\w+",
    conda:
        "../envs/msa.yaml"
    threads: threads_of
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(240),
        log_every=LOG_EVERY,
    params:
        runs=lambda wildcards, output: list(map(parent, output.weights)),
        data=data_flags,
    shell:
        "python -m msa train-seeds {params.runs:q} {params.data:q} --device {resources.device}"
        " --gpu-jobs-per-device {resources.gpu_jobs} --log-every {resources.log_every}"
        f" {LOGGED}"
