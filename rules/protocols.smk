rule protocols:
    input:
        results=results,
        settings=all_runs("settings.json"),
        records=all_runs("training.json"),
        predictions=all_runs("predictions/clean.npz"),
        scores=all_runs("scores.json"),
        epochs=kept_epochs,
        code=closure("protocols"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/protocols.csv",
            caption="../workflow/report/protocols.rst",
            category="Published",
            labels={"data set": "{dataset}", "what": "protocols"},
        ),
    log:
        "logs/{dataset}/protocols.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards: RUNS,
    shell:
        "python -m msa protocols {input.results:q} --runs {params.runs:q} --output {output:q}"
        f" {LOGGED}"
