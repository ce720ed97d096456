rule published:
    input:
        results=results,
        settings=all_runs("settings.json"),
        records=all_runs("training.json"),
        predictions=all_runs("predictions/clean.npz"),
        scores=all_runs("scores.json"),
        epochs=kept_epochs,
        figures=shipped("resources/published.csv"),
        differs=shipped("resources/differs.yaml"),
        code=closure("published"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/published.csv",
            caption="../workflow/report/published.rst",
            category="Published",
            labels={"data set": "{dataset}", "what": "published figures"},
        ),
    log:
        "logs/{dataset}/published.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards: RUNS,
        figures=lambda wildcards: references.published_as(CONFIG, wildcards.dataset),
    shell:
        "python -m msa published {input.results:q} --runs {params.runs:q} --dataset {params.figures[0]:q}"
        " --setting={params.figures[1]:q} --output {output:q}"
        f" {LOGGED}"
