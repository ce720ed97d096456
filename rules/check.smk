# The same check for what was fetched, for what was dropped by hand and for the user's own. What is
# noticed when the jobs are planned is a parameter, as Snakemake's dates miss a file of an older one.
# The lock lies outside the outputs, for it outlives them.
rule check:
    input:
        lambda wildcards: ancient(CHECKED[checked_file(wildcards)].path),
    output:
        checksum=update(f"{DATA}/{{owner}}/checked/{{file}}.sha256"),
        seen=update(f"{DATA}/{{owner}}/checked/{{file}}.seen"),
    log:
        "logs/{owner}/check/{file}.log",
    wildcard_constraints:
        owner=one_of({source.owner for source in CHECKED.values()}),
        file=one_of({Path(path).name for path in CHECKED}),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        arguments=lambda wildcards: look_at(checked_file(wildcards)).arguments,
        lock=lambda wildcards: flags.flag(
            "lock", sources.lock_file(CONFIG, CHECKED[checked_file(wildcards)])
        ),
    shell:
        "python -m msa check {input:q} --output {output.checksum:q} --seen {output.seen:q}"
        " {params.lock:q} {params.arguments:q}"
        f" {LOGGED}"
