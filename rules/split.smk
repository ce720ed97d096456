rule split:
    input:
        aligned=lambda wildcards: (
            f"{DATA}/{folds.whole(CONFIG, wildcards.dataset)}/aligned"
        ),
        folds=folds_file,
        checks=checks,
        encoder=cutting_folder,
        encoder_checks=cutting_checks,
        code=closure("split"),
    output:
        directory(expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS)),
        card=f"{DATA}/{{dataset}}/card.json",
    log:
        "logs/{dataset}/split.log",
    wildcard_constraints:
        dataset=one_of(name for name in TRAINED if folds.whole(CONFIG, name) in ALIGNED),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000, per_mb=2),
        runtime=scaled(15, per_mb=0.01),
    params:
        folder=subpath(output.card, parent=True),
        task=lambda wildcards: flags.task_flags(recipe(wildcards)),
        # with `output` Snakemake does not record it, so that a later word on it retrains nothing
        card=lambda wildcards, output: flags.card_flags(recipe(wildcards)),
        folds=lambda wildcards, output: flags.folds_flags(recipe(wildcards)),
        pauses=lambda wildcards: flags.pause_flags(recipe(wildcards)),
        encoder=lambda wildcards: flags.encoder_flags(CONFIG, wildcards.dataset),
    shell:
        "python -m msa split {input.aligned:q} --folds {input.folds:q} --output {params.folder:q}"
        " --card {output.card:q} {params.task} {params.card} {params.folds} {params.pauses}"
        " {params.encoder:q}"
        f" {LOGGED}"
