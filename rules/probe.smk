# What each modality carries, by the settings of ridge and the data that it reads.
rule probe:
    input:
        unpack(lambda wildcards: run_data(ridge_run(wildcards))),
        settings=lambda wildcards: f"{RUN}/settings.json".format(**ridge_run(wildcards)),
        code=closure("probe"),
    output:
        scores=report(
            f"{RESULTS}/{{dataset}}/modalities.json",
            caption="../workflow/report/modalities.rst",
            category="Results",
            labels={"data set": "{dataset}", "what": "modalities"},
        ),
        predictions=f"{RESULTS}/{{dataset}}/modalities.npz",
    log:
        "logs/{dataset}/probe.log",
    wildcard_constraints:
        dataset=one_of(TRAINED),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(4000, per_mb=3),
        runtime=scaled(30, per_mb=0.05),
    params:
        run=lambda wildcards, input: parent(input.settings),
        data=lambda wildcards: data_flags(ridge_run(wildcards)),
    shell:
        "python -m msa probe {params.run:q} {params.data:q} --output {output.scores:q}"
        f" {LOGGED}"
