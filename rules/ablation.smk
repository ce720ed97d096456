# Each modality removed from the test input, and from a training of its own.
use rule summarize as summarize_ablated with:
    output:
        f"{RESULTS}/{{dataset}}/{{model}}.{{variant}}.json",
    log:
        "logs/{dataset}/{model}/summarize_{variant}.log",
    wildcard_constraints:
        variant="no-\\w+",


rule ablation:
    input:
        result=f"{RESULTS}/{{dataset}}/{{model}}.json",
        robustness=f"{RESULTS}/{{dataset}}/{{model}}.robustness.csv",
        retrained=lambda wildcards: [
            f"{RESULTS}/{wildcards.dataset}/{wildcards.model}.no-{modality}.json"
            for modality in studies.retrained(
                CONFIG, wildcards.dataset, wildcards.model
            )
        ],
        code=closure("ablation"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/{{model}}.ablation.csv",
            caption="../workflow/report/ablation.rst",
            category="Studies",
            labels={"data set": "{dataset}", "what": "{model}, ablation"},
        ),
    log:
        "logs/{dataset}/{model}/ablation.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        modalities=lambda wildcards: checked(
            studies.required_ablation, CONFIG, wildcards.dataset, wildcards.model
        ),
    shell:
        "python -m msa ablation {input.result:q} --robustness {input.robustness:q}"
        " --retrained {input.retrained:q} --modalities {params.modalities}"
        " --output {output:q}"
        f" {LOGGED}"
