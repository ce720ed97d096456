# No code input: a file that is there, fetched or dropped by hand, is never fetched again because
# the downloader changed.
rule download:
    output:
        f"{DATA}/{{dataset}}/raw/{{file}}.csd",
    log:
        "logs/{dataset}/download/{file}.log",
    wildcard_constraints:
        dataset=one_of(Path(path).parts[-3] for path in SOURCES),
        file=one_of(Path(path).stem for path in SOURCES),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        urls=lambda wildcards, output: SOURCES[output[0]].urls,
        sha256=lambda wildcards, output: [
            f"--sha256={s}" for s in [SOURCES[output[0]].sha256] if s
        ],
    shell:
        "python -m msa download {output:q} --url {params.urls:q} {params.sha256:q} 2>&1"
        " | tee {log:q}"
