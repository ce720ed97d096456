rule summarize:
    input:
        settings=runs("settings.json"),
        records=runs("training.json"),
        predictions=runs("predictions/clean.npz"),
        scores=runs("scores.json"),
        code=closure("summarize"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/{{model}}.json",
            caption="../workflow/report/result.rst",
            category="Results",
            labels={"data set": "{dataset}", "what": "{model}"},
        ),
    log:
        "logs/{dataset}/{model}/summarize.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        remarks=flags.flag("name", CONFIG.values.get("name"))
        + flags.flag("note", CONFIG.values.get("note")),
        runs=lambda wildcards, input: [*map(parent, input.settings)],
    shell:
        "python -m msa summarize {params.runs:q} --output {output:q} {params.remarks:q} 2>&1 | tee {log:q}"
