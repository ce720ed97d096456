# No code input: a file that is there, fetched or dropped by hand, is never fetched again because
# the downloader changed.
rule download:
    output:
        f"{DATA}/{{dataset}}/raw/{{file}}",
    log:
        "logs/{dataset}/download/{file}.log",
    wildcard_constraints:
        dataset=one_of(Path(path).parts[-3] for path in RAW),
        file=one_of(Path(path).name for path in RAW),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        urls=lambda wildcards, output: ["--url", *RAW[output[0]].urls],
        known=raw_flags,
        lock=f"{CHECKSUMS}/{{dataset}}/{{file}}.sha256",
    shell:
        "python -m msa download {output:q} {params.urls:q} {params.known:q} --lock {params.lock:q}"
        " 2>&1 | tee {log:q}"
