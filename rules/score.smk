rule score:
    input:
        settings=f"{RUN}/settings.json",
        predictions=f"{RUN}/predictions/clean.npz",
        epochs=f"{RUN}/epochs.npz",
        code=closure("score"),
    output:
        f"{RUN}/scores.json",
    log:
        f"{RUN_LOG}-score.log",
    conda:
        "../envs/msa.yaml"
    params:
        run=subpath(output[0], parent=True),
    shell:
        "python -m msa score {params.run:q} --output {output:q} 2>&1 | tee {log:q}"
