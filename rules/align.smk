rule align:
    input:
        unpack(sequences),
        code=closure("align"),
    output:
        directory(f"{DATA}/{{dataset}}/aligned"),
    params:
        sequences=lambda wildcards, input: [
            f"{name}={path}"
            for name, path in input.items()
            if name not in ("labels", "code")
        ],
        to=lambda wildcards: recipe(wildcards)["align"],
    log:
        "logs/{dataset}/align.log",
    threads: 4
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa align --sequence {params.sequences:q} --labels {input.labels:q}"
        " --to {params.to} --output {output:q} --threads {threads} 2>&1 | tee {log:q}"
