rule import_data:
    input:
        files=lambda wildcards: source_files(wildcards).values(),
        folds=lambda wildcards: sources.table_folds(CONFIG, wildcards.dataset),
        checks=checks,
        encoder=cutting_folder,
        encoder_checks=cutting_checks,
        code=lambda wildcards: closure(
            "import-data", layout=recipe(wildcards)["import"]
        ),
    output:
        directory(expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS)),
        card=f"{DATA}/{{dataset}}/card.json",
    log:
        "logs/{dataset}/import_data.log",
    benchmark:
        f"{DATA}/{{dataset}}/benchmarks/import_data.tsv"
    wildcard_constraints:
        dataset=one_of(LAID_OUT),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(4000, per_mb=3),
        runtime=scaled(30, per_mb=0.05),
    params:
        folder=subpath(output.card, parent=True),
        layout=lambda wildcards: flags.layout_flags(recipe(wildcards)),
        task=lambda wildcards: flags.task_flags(recipe(wildcards)),
        card=lambda wildcards, output: flags.card_flags(recipe(wildcards)),
        folds=lambda wildcards, input: ["--folds", *input.folds] if input.folds else [],
        encoder=lambda wildcards: flags.encoder_flags(CONFIG, wildcards.dataset),
    shell:
        "python -m msa import-data {input.files:q} --output {params.folder:q} --card {output.card:q}"
        " {params.layout:q} {params.folds:q} {params.task} {params.card}"
        " {params.encoder:q}"
        f" {LOGGED}"
