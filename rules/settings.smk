# No code input: what a run depends on is the parameter, and nothing else may retrain it.
rule settings:
    output:
        update(f"{RUN}/settings.json"),
    log:
        f"{RUN_LOG}-settings.log",
    wildcard_constraints:
        variant="main|released|trials|no-\\w+",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        settings=lambda wildcards: sorted_json(settings_of(wildcards)),
    shell:
        "python -m msa settings {output:q} --json {params.settings:q} > {log:q} 2>&1"
