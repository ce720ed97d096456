rule score:
    input:
        settings=f"{RUN}/settings.json",
        predictions=f"{RUN}/predictions/clean.npz",
        # an imported checkpoint has none
        epochs=lambda wildcards: (
            [] if wildcards.variant == "released" else f"{RUN}/epochs.npz"
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
        oracle=lambda wildcards: (
            "--no-oracle" if wildcards.variant == "released" else ""
        ),
    shell:
        "python -m msa score {params.run:q} {params.oracle} --output {output:q}"
        f" {LOGGED}"
