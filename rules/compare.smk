rule compare:
    input:
        settings=all_runs("settings.json"),
        records=all_runs("training.json"),
        predictions=all_runs("predictions/clean.npz"),
        scores=all_runs("scores.json"),
        code=closure("compare"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/comparisons.json",
            caption="../workflow/report/comparisons.rst",
            category="Results",
            labels={"data set": "{dataset}", "what": "comparisons"},
        ),
    log:
        "logs/{dataset}/compare.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards, input: [*map(parent, input.settings)],
    shell:
        "python -m msa compare {params.runs:q} --output {output:q}" f" {LOGGED}"
