# Of the first seed, and of the first target where each has its own model.
rule examine:
    input:
        unpack(lambda wildcards: run_data(first_run(wildcards))),
        settings=lambda wildcards: runs("settings.json")(wildcards)[0],
        weights=lambda wildcards: runs("model.safetensors")(wildcards)[0],
        code=lambda wildcards: closure("examine", wildcards.model),
    output:
        report(
            f"{RESULTS}/{{dataset}}/{{model}}.segments.json",
            caption="../workflow/report/segments.rst",
            category="Studies",
            labels={"data set": "{dataset}", "what": "{model}, segments"},
        ),
    log:
        "logs/{dataset}/{model}/examine.log",
    benchmark:
        f"{RUNS}/{{dataset}}/{{model}}/benchmarks/examine.tsv"
    wildcard_constraints:
        model=one_of(EXAMINED),
    conda:
        "../envs/msa.yaml"
    threads: lambda wildcards: threads_of(first_run(wildcards))
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(30),
    params:
        run=lambda wildcards, input: parent(input.settings),
        data=lambda wildcards: data_flags(first_run(wildcards)),
    shell:
        "python -m msa examine {params.run:q} {params.data:q} --output {output:q}"
        " --device {resources.device} --gpu-jobs-per-device {resources.gpu_jobs}"
        f" {LOGGED}"
