# the user's own words, for a result's provenance
REMARKS = [
    part
    for name in ("name", "note")
    for part in flags.flag(name, CONFIG.values.get(name))
]


rule summarize:
    input:
        settings=runs("settings.json"),
        records=runs("training.json"),
        predictions=runs("predictions/clean.npz"),
        scores=runs("scores.json"),
        cards=cards,
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
        remarks=REMARKS,
        authority=lambda wildcards: flags.authority_flags(CONFIG, wildcards.model),
        jobs=lambda wildcards: checked(
            paths.shared_jobs,
            CONFIG,
            wildcards.dataset,
            wildcards.model,
            wildcards.get("variant"),
        ),
        origins=lambda wildcards: flags.origin_flags(CONFIG, wildcards.dataset),
        licences=lambda wildcards: flags.licence_flags(CONFIG, wildcards.dataset),
        runs=lambda wildcards, input: [*map(parent, input.settings)],
    shell:
        "python -m msa summarize {params.runs:q} --output {output:q} --cards {input.cards:q}"
        " --jobs {params.jobs:q} {params.origins:q} {params.remarks:q} {params.authority:q}"
        " {params.licences:q}"
        f" {LOGGED}"
