# A random search: trials, a table of them, and the settings of the best, which train then reads.
TRIALS = f"{RUNS}/{{dataset}}/{{model}}/trials/{{target}}/{{seed}}"


rule trials:
    input:
        unpack(run_data),
        settings=f"{TRIALS}/settings.json",
        code=lambda wildcards: closure("trials", wildcards.model),
    output:
        f"{TRIALS}/{{first}}-{{last}}.json",
    log:
        "logs/{dataset}/{model}/trials-{target}-{seed}-{first}-{last}.log",
    benchmark:
        f"{TRIALS}/benchmarks/{{first}}-{{last}}.tsv"
    wildcard_constraints:
        dataset=one_of(TRAINED),
    conda:
        "../envs/msa.yaml"
    threads: threads_of
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(480),
    params:
        run=subpath(output[0], parent=True),
        data=data_flags,
        space=lambda wildcards: sorted_json(
            checked(
                studies.required_search, CONFIG, wildcards.dataset, wildcards.model
            )["space"]
        ),
    shell:
        "python -m msa trials {params.run:q} {params.data:q} --space {params.space:q}"
        " --first {wildcards.first} --last {wildcards.last} --output {output:q}"
        " --device {resources.device} --gpu-jobs-per-device {resources.gpu_jobs}"
        f" {LOGGED}"


rule search:
    input:
        trials=trials,
        code=closure("search"),
    output:
        f"{RESULTS}/{{dataset}}/{{model}}.search.csv",
    log:
        "logs/{dataset}/{model}/search.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        targets=lambda wildcards: settings.targets(
            CONFIG, wildcards.dataset, wildcards.model
        ),
    shell:
        "python -m msa search {input.trials:q} --targets {params.targets:q} --table {output:q}"
        " > {log:q} 2>&1"


rule best_settings:
    input:
        trials=trials,
        code=closure("search"),
    output:
        update(f"{RUNS}/{{dataset}}/{{model}}/best/{{target}}/{{seed}}/settings.json"),
    log:
        "logs/{dataset}/{model}/best-{target}-{seed}-settings.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        base=lambda wildcards: sorted_json(settings_of(wildcards) | {"variant": "best"}),
    shell:
        "python -m msa search {input.trials:q} --targets {wildcards.target} --settings {output:q}"
        " --base {params.base:q} > {log:q} 2>&1"


use rule summarize as summarize_best with:
    input:
        settings=runs("settings.json", "best"),
        records=runs("training.json", "best"),
        predictions=runs("predictions/clean.npz", "best"),
        scores=runs("scores.json", "best"),
        table=f"{RESULTS}/{{dataset}}/{{model}}.search.csv",
        cards=cards,
        code=closure("summarize"),
    output:
        f"{RESULTS}/{{dataset}}/{{model}}.best.json",
    log:
        "logs/{dataset}/{model}/summarize_best.log",
    params:
        remarks=REMARKS,
        jobs=lambda wildcards: checked(
            paths.search_jobs, CONFIG, wildcards.dataset, wildcards.model
        ),
        origins=lambda wildcards: flags.origin_flags(CONFIG, wildcards.dataset),
        runs=lambda wildcards, input: [*map(parent, input.settings)],
