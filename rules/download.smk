# Snakemake deletes a rule's outputs before its shell and when that fails, but a raw file may have
# been put there by hand, even meanwhile. So what is there is no rule's output, what is not is the
# output of a rule without a shell, and the shell that fetches it leaves a mark, until that rule's turn.
rule download:
    output:
        temp(touch(f"{DATA}/{{dataset}}/raw/{{file}}.fetched")),
    log:
        "logs/{dataset}/download/{file}.log",
    wildcard_constraints:
        dataset=one_of(Path(path).parts[-3] for path in RAW),
        file=one_of(Path(path).name for path in RAW),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        raw=raw_file,
        urls=lambda wildcards: ["--url", *RAW[raw_file(wildcards)].urls],
        known=lambda wildcards: flags.raw_flags(RAW[raw_file(wildcards)]),
        lock=f"{CHECKSUMS}/{{dataset}}/{{file}}.sha256",
    shell:
        "python -m msa download {params.raw:q} {params.urls:q} {params.known:q}"
        " --lock {params.lock:q}"
        f" {LOGGED}"


rule raw:
    input:
        "{raw}.fetched",
    output:
        "{raw}",
    wildcard_constraints:
        raw=one_of(path for path in RAW if not os.path.exists(path)),
    priority: 1
    localrule: True
