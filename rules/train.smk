# The settings' file is ancient, so that writing it anew retrains nothing: the digest of what it
# says does.
rule train:
    input:
        unpack(run_data),
        settings=ancient(f"{RUN}/settings.json"),
        code=lambda wildcards: closure("train", wildcards.model),
    output:
        weights=f"{RUN}/model.safetensors",
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.npz",
        record=f"{RUN}/training.json",
    params:
        run=subpath(output.weights, parent=True),
        data=data_flags,
        hyperparameters=hyperparameters,
    log:
        f"{RUN_LOG}-train.log",
    threads: train_threads
    resources:
        device=DEVICE,
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa train {params.run:q} {params.data:q} --device {resources.device}"
        " 2>&1 | tee {log:q}"
