# Of a checkpoint of the authors'; a run that is trained here has them from its training.
rule predict:
    input:
        unpack(run_data),
        settings=f"{RUN}/settings.json",
        weights=f"{RUN}/model.safetensors",
        code=lambda wildcards: closure("predict-folds", wildcards.model),
    output:
        f"{RUN}/predictions/clean.npz",
    log:
        f"{RUN_LOG}-predict.log",
    benchmark:
        f"{RUN}/benchmarks/predict.tsv"
    wildcard_constraints:
        dataset=one_of(TRAINED),
        variant="released",
    conda:
        "../envs/msa.yaml"
    threads: threads_of
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(30),
    params:
        run=subpath(output[0], ancestor=2),
        data=data_flags,
    shell:
        "python -m msa predict-folds {params.run:q} {params.data:q} --device {resources.device}"
        " --gpu-jobs-per-device {resources.gpu_jobs}"
        f" {LOGGED}"
