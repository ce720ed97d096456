rule train:
    input:
        unpack(run_data),
        settings=f"{RUN}/settings.json",
        code=lambda wildcards: closure("train", wildcards.model),
    output:
        weights=f"{RUN}/model.safetensors",
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.npz",
        record=f"{RUN}/training.json",
        predictions=f"{RUN}/predictions/clean.npz",
    log:
        f"{RUN_LOG}-train.log",
    benchmark:
        f"{RUN}/benchmarks/train.tsv"
    wildcard_constraints:
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
        # no parameter, which would retrain; no output, which a failed job loses
        state=STATE,
    params:
        run=subpath(output.weights, parent=True),
        data=data_flags,
    shell:
        "python -m msa train {params.run:q} {params.data:q} --device {resources.device}"
        " --gpu-jobs-per-device {resources.gpu_jobs} --log-every {resources.log_every}"
        " --state {resources.state:q}/{wildcards.dataset}.{wildcards.model}.{wildcards.variant}"
        ".{wildcards.target}.{wildcards.seed}.pt"
        f" {LOGGED}"
