rule demo:
    input:
        code=closure("demo"),
    output:
        expand(
            f"{DATA}/demo/raw/{{name}}",
            name=["words.csd", "audio.csd", "vision.csd", "labels.csd", "folds.json"],
        ),
    log:
        "logs/demo/demo.log",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(15),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "python -m msa demo {params.folder:q} > {log:q} 2>&1"


rule demo_classes:
    input:
        code=closure("demo-classes"),
    output:
        directory(expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS)),
        card=f"{DATA}/{{dataset}}/card.json",
    log:
        "logs/{dataset}/demo_classes.log",
    wildcard_constraints:
        dataset=one_of(set(IMPORTED) - set(LAID_OUT)),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(15),
    params:
        folder=subpath(output.card, parent=True),
        kind=lambda wildcards: recipe(wildcards)["import"].removeprefix("demo-"),
    shell:
        "python -m msa demo-classes {params.kind} {params.folder:q} > {log:q} 2>&1"


rule demo_encoder:
    input:
        words=f"{DATA}/demo/raw/words.csd",
        code=closure("demo-encoder"),
    output:
        directory(f"{DATA}/demo/encoder"),
    log:
        "logs/demo/demo_encoder.log",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(15),
    shell:
        "python -m msa demo-encoder {input.words:q} {output:q} > {log:q} 2>&1"
