rule score:
    input:
        settings=f"{RUN}/settings.json",
        predictions=f"{RUN}/predictions/clean.npz",
        training=f"{RUN}/training.json",
        # an imported checkpoint has none, nor has what several deals make together
        epochs=lambda wildcards: (
            [] if without_epochs(wildcards) else f"{RUN}/epochs.npz"
        ),
        code=closure("score"),
    output:
        f"{RUN}/scores.json",
    log:
        f"{RUN_LOG}-score.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        run=subpath(output[0], parent=True),
        oracle=lambda wildcards: ("--no-oracle" if without_epochs(wildcards) else ""),
    shell:
        "python -m msa score {params.run:q} {params.oracle} --output {output:q}"
        f" {LOGGED}"
