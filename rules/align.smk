rule align:
    input:
        unpack(source_files),
        checks=checks,
        code=closure("align"),
    output:
        directory(f"{DATA}/{{dataset}}/aligned"),
    log:
        "logs/{dataset}/align.log",
    benchmark:
        f"{DATA}/{{dataset}}/benchmarks/align.tsv"
    wildcard_constraints:
        dataset=one_of(ALIGNED),
    conda:
        "../envs/msa.yaml"
    threads: 4
    resources:
        mem_mb=scaled(4000, per_mb=0.1),
        runtime=scaled(30, per_mb=0.01),
    params:
        sequences=lambda wildcards: flags.sequence_flags(CONFIG, wildcards.dataset),
        to=lambda wildcards: recipe(wildcards)["align"],
    shell:
        "python -m msa align --sequence {params.sequences:q} --labels {input.labels:q}"
        " --to {params.to} --output {output:q} --threads {threads}"
        f" {LOGGED}"
