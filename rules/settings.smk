rule settings:
    input:
        code=closure("settings"),
    output:
        update(f"{RUN}/settings.json"),
    params:
        settings=lambda wildcards: json.dumps(settings_of(wildcards)),
    log:
        f"{RUN_LOG}-settings.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    shell:
        "python -m msa settings {output:q} --json {params.settings:q} > {log:q} 2>&1"
