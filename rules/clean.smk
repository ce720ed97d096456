rule clean:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        card=f"{DATA}/{{dataset}}/card.json",
        checks=checks,
        passed=passed,
        code=closure("clean"),
    output:
        directory(expand(f"{DATA}/{{{{dataset}}}}/clean/{{fold}}", fold=FOLDS)),
        cleaning=f"{DATA}/{{dataset}}/clean/cleaning.npz",
        card=f"{DATA}/{{dataset}}/clean/card.json",
        table=f"{DATA}/{{dataset}}/clean/card.md",
    log:
        "logs/{dataset}/clean.log",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000, per_mb=2),
        runtime=scaled(15, per_mb=0.01),
    params:
        data=lambda wildcards, input: parent(input.card),
        folder=subpath(output.card, parent=True),
        policy=lambda wildcards: recipe(wildcards)["clean"]["policy"],
        standardize=lambda wildcards: recipe(wildcards)["clean"]["standardize"],
        # with `output` Snakemake does not record it, so that a later word on it retrains nothing
        licences=lambda wildcards, output: flags.licence_flags(
            CONFIG, wildcards.dataset
        ),
    shell:
        "python -m msa clean {params.data:q} --output {params.folder:q} --card {input.card:q}"
        " --policy {params.policy} --standardize {params.standardize} {params.licences:q}"
        f" {LOGGED}"
