# Nothing waits for it: titles, citations and licences are parameters here, and retrain nothing.
rule croissant:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        clean=expand(f"{DATA}/{{{{dataset}}}}/clean/{{fold}}", fold=FOLDS),
        card=f"{DATA}/{{dataset}}/clean/card.json",
        code=closure("croissant"),
    output:
        metadata=f"{DATA}/{{dataset}}/croissant.json",
        table=f"{DATA}/{{dataset}}/segments.csv",
    log:
        "logs/{dataset}/croissant.log",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(1000, per_mb=0.1),
        runtime=scaled(15, per_mb=0.01),
    params:
        data=subpath(output.metadata, parent=True),
        about=lambda wildcards: flags.croissant_flags(CONFIG, wildcards.dataset),
    shell:
        "python -m msa croissant {params.data:q} {params.about:q}" f" {LOGGED}"
