rule subsets:
    input:
        settings=all_runs("settings.json"),
        records=all_runs("training.json"),
        predictions=all_runs("predictions/clean.npz"),
        scores=all_runs("scores.json"),
        probes=probes,
        speakers=speakers_file,
        checks=lambda wildcards: checks_of(
            *sources.speaker_sources(CONFIG, wildcards.dataset)
        ),
        code=closure("subsets"),
    output:
        report(
            f"{RESULTS}/{{dataset}}/subsets.csv",
            caption="../workflow/report/subsets.rst",
            category="Results",
            labels={"data set": "{dataset}", "what": "subsets"},
        ),
    log:
        "logs/{dataset}/subsets.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        runs=lambda wildcards, input: [*map(parent, input.settings)],
        probes=lambda wildcards, input: [
            part for path in input.probes[:1] for part in ("--probes", path)
        ],
        speakers=lambda wildcards: flags.flag(
            "speakers", folds.speakers_table(recipe(wildcards))
        ),
    shell:
        "python -m msa subsets {params.runs:q} {params.probes:q} {params.speakers:q} --output {output:q}"
        f" {LOGGED}"
