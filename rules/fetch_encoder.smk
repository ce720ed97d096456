# As with the downloads: what is there, filled by hand perhaps, is no rule's output.
rule fetch_encoder:
    output:
        temp(touch(f"{DATA}/encoders/{{encoder}}.fetched")),
    log:
        "logs/encoders/{encoder}.log",
    wildcard_constraints:
        encoder=one_of(ENCODERS),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        folder=lambda wildcards: ENCODERS[wildcards.encoder].folder,
        name=lambda wildcards: ENCODERS[wildcards.encoder].name,
        revision=lambda wildcards: ENCODERS[wildcards.encoder].revision or "main",
        lock=f"{CHECKSUMS}/encoders/{{encoder}}.sha256",
    shell:
        "python -m msa fetch-encoder {params.name:q} --revision {params.revision:q}"
        " --output {params.folder:q} --lock {params.lock:q}"
        f" {LOGGED}"


rule encoder:
    input:
        f"{DATA}/encoders/{{encoder}}.fetched",
    output:
        directory(f"{DATA}/encoders/{{encoder}}"),
    wildcard_constraints:
        encoder=one_of(
            name
            for name, encoder in ENCODERS.items()
            if not os.path.exists(encoder.folder)
        ),
    priority: 1
    localrule: True
