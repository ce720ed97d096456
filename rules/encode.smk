rule encode:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        encoder=encoder_folder,
        code=closure("encode"),
    output:
        expand(f"{FEATURES}/{{{{dataset}}}}/{{{{encoder}}}}/{{fold}}.npy", fold=FOLDS),
    log:
        "logs/{dataset}/encode-{encoder}.log",
    conda:
        "../envs/msa.yaml"
    threads: 2
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
    params:
        data=lambda wildcards, input: parent(input.folds[0]),
        folder=subpath(output[0], parent=True),
        encoder=encoder_flags,
        revision=lambda wildcards: [
            f"--revision={r}" for r in [recipe(wildcards).get("revision")] if r
        ],
    shell:
        "python -m msa encode {params.data:q} {params.encoder:q}"
        " --output {params.folder:q} --device {resources.device} --threads {threads}"
        " --gpu-jobs-per-device {resources.gpu_jobs} 2>&1 | tee {log:q}"
