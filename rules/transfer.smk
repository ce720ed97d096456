rule predict_other:
    input:
        unpack(transfer_data),
        trained=f"{DATA}/{{dataset}}/train",
        cleaning=f"{DATA}/{{dataset}}/clean/cleaning.npz",
        settings=f"{RUN}/settings.json",
        record=f"{RUN}/training.json",
        weights=f"{RUN}/model.safetensors",
        code=lambda wildcards: closure("predict-other", wildcards.model),
    output:
        f"{RUN}/predictions/transfer-{{test}}.npz",
    log:
        f"{RUN_LOG}-transfer-{{test}}.log",
    wildcard_constraints:
        dataset=one_of(TRAINED),
        test=one_of(TRAINED),
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
        data=lambda wildcards: transfer.transfer_flags(
            CONFIG, wildcards.dataset, wildcards.model, wildcards.test
        ),
    shell:
        "python -m msa predict-other {params.run:q} --test {wildcards.test} {params.data:q}"
        " --cleaning {input.cleaning:q} --trained {input.trained:q} --device {resources.device}"
        " --gpu-jobs-per-device {resources.gpu_jobs}"
        f" {LOGGED}"


rule transfer:
    input:
        settings=runs("settings.json"),
        predictions=lambda wildcards: transfer.transfer_files(
            [*map(parent, runs("settings.json")(wildcards))], tests_of(wildcards)
        ),
        code=closure("transfer"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/{{model}}.transfer.csv",
            caption="../workflow/report/transfer.rst",
            category="Studies",
            labels={"data set": "{dataset}", "what": "{model}, transfer"},
        ),
    log:
        "logs/{dataset}/{model}/transfer.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards, input: [*map(parent, input.settings)],
        tests=lambda wildcards: tests_of(wildcards),
    shell:
        "python -m msa transfer {params.runs:q} --tests {params.tests} --output {output:q}"
        f" {LOGGED}"
