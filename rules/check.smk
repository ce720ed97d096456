# The same check for what was fetched and for what was dropped by hand. The lock lies outside the
# outputs, for it outlives them.
rule check:
    input:
        f"{DATA}/{{dataset}}/raw/{{file}}",
    output:
        f"{DATA}/{{dataset}}/checked/{{file}}.sha256",
    log:
        "logs/{dataset}/check/{file}.log",
    wildcard_constraints:
        dataset=one_of(Path(path).parts[-3] for path in RAW),
        file=one_of(Path(path).name for path in RAW),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        sha256=lambda wildcards: flags.flag("sha256", RAW[raw_file(wildcards)].sha256),
        seen=lambda wildcards: seen(
            Path(raw_file(wildcards)),
            Path(sources.checked_file(raw_file(wildcards))),
        ),
        lock=f"{CHECKSUMS}/{{dataset}}/{{file}}.sha256",
    shell:
        "python -m msa check {input:q} --output {output:q} --lock {params.lock:q}"
        " {params.sha256:q}"
        f" {LOGGED}"
