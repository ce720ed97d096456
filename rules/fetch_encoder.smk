# No code input: as with the downloads.
rule fetch_encoder:
    output:
        directory(f"{DATA}/encoders/{{encoder}}"),
    log:
        "logs/encoders/{encoder}.log",
    wildcard_constraints:
        encoder=one_of(ENCODERS),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        name=lambda wildcards: ENCODERS[wildcards.encoder].name,
        revision=lambda wildcards: ENCODERS[wildcards.encoder].revision or "main",
        lock=f"{CHECKSUMS}/encoders/{{encoder}}.sha256",
    shell:
        "python -m msa fetch-encoder {params.name:q} --revision {params.revision:q} --output {output:q}"
        " --lock {params.lock:q} 2>&1 | tee {log:q}"
