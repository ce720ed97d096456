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
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "python -m msa demo {params.folder:q} > {log:q} 2>&1"


rule demo_encoder:
    input:
        words=f"{DATA}/demo/raw/words.csd",
        code=closure("demo_encoder"),
    output:
        directory(f"{DATA}/demo/encoder"),
    log:
        "logs/demo/demo_encoder.log",
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa demo-encoder {input.words:q} {output:q} > {log:q} 2>&1"
