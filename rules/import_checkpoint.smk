rule import_checkpoint:
    input:
        unpack(run_data),
        settings=f"{RUN}/settings.json",
        checkpoint=lambda wildcards: ancient(checkpoint_of(wildcards).path),
        checkpoint_checks=lambda wildcards: checks_of(checkpoint_of(wildcards)),
        code=lambda wildcards: closure("import-checkpoint", wildcards.model),
    output:
        weights=f"{RUN}/model.safetensors",
        record=f"{RUN}/training.json",
    log:
        f"{RUN_LOG}-import.log",
    wildcard_constraints:
        variant="released",
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(15),
    params:
        run=subpath(output.weights, parent=True),
        data=data_flags,
    shell:
        "python -m msa import-checkpoint {input.checkpoint:q} --model {wildcards.model}"
        " --run {params.run:q} --output {output.weights:q} {params.data:q}"
        f" {LOGGED}"
