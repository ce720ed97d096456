rule encode:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        encoder=encoder_folder,
        checks=lambda wildcards: checks(wildcards) + encoder_checks(wildcards),
        passed=passed,
        code=closure("encode"),
    output:
        expand(f"{FEATURES}/{{{{dataset}}}}/{{{{encoder}}}}/{{fold}}.npy", fold=FOLDS),
        f"{FEATURES}/{{dataset}}/{{encoder}}/pieces.json",
    log:
        "logs/{dataset}/encode-{encoder}.log",
    benchmark:
        f"{FEATURES}/{{dataset}}/{{encoder}}/benchmarks/encode.tsv"
    wildcard_constraints:
        dataset=one_of(name for name in CONFIG.recipes if name not in LATER_DEALS),
    conda:
        "../envs/msa.yaml"
    threads: 2
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=1),
        runtime=scaled(120),
    params:
        data=lambda wildcards, input: parent(input.folds[0]),
        folder=subpath(output[0], parent=True),
        encoder=lambda wildcards: encoders.text_encoder(
            CONFIG, wildcards.dataset
        ).folder,
    shell:
        "python -m msa encode {params.data:q} --encoder {params.encoder:q}"
        " --output {params.folder:q} --device {resources.device} --threads {threads}"
        " --gpu-jobs-per-device {resources.gpu_jobs}"
        f" {LOGGED}"
