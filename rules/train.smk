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
    log:
        f"{RUN_LOG}-train.log",
    wildcard_constraints:
        variant="main|best",
    conda:
        "../envs/msa.yaml"
    threads: threads_of
    resources:
        device=DEVICE,
        gpu=int(DEVICE != "cpu"),
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(240),
        log_every=LOG_EVERY,
    params:
        run=subpath(output.weights, parent=True),
        data=data_flags,
    shell:
        "python -m msa train {params.run:q} {params.data:q} --device {resources.device}"
        " --log-every {resources.log_every} 2>&1 | tee {log:q}"
