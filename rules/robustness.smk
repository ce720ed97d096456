rule robustness:
    input:
        settings=runs("settings.json"),
        predictions=runs("predictions/clean.npz"),
        perturbed=runs("predictions/perturbed.npz"),
        code=closure("robustness"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/{{model}}.robustness.csv",
            caption="../workflow/report/robustness.rst",
            category="Studies",
            labels={"data set": "{dataset}", "what": "{model}, robustness"},
        ),
    log:
        "logs/{dataset}/{model}/robustness.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards, input: [*map(parent, input.settings)],
    shell:
        "python -m msa robustness {params.runs:q} --output {output:q}" f" {LOGGED}"
