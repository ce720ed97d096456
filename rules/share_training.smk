# A joint network that several targets have the same settings for is trained once, for the first;
# and a closed form once for all seeds.
ruleorder: share_training > train_seeds > train


rule share_training:
    input:
        settings=f"{RUN}/settings.json",
        trained=lambda wildcards: [
            f"{RUN.format(**joint.trained_run(CONFIG, wildcards))}/{name}"
            for name in (
                *("settings.json", "model.safetensors"),
                *(
                    "history.csv",
                    "epochs.npz",
                    "training.json",
                    "predictions/clean.npz",
                ),
            )
        ],
        code=closure("share-training"),
    output:
        weights=f"{RUN}/model.safetensors",
        history=f"{RUN}/history.csv",
        epochs=f"{RUN}/epochs.npz",
        record=f"{RUN}/training.json",
        predictions=f"{RUN}/predictions/clean.npz",
    log:
        f"{RUN_LOG}-train.log",
    wildcard_constraints:
        # it is part of the path's regular expression, and may look ahead
        dataset="|".join(
            "{dataset}(?=/{model}/[^/]+/{target}/{seed}/)".format(
                **{key: re.escape(value) for key, value in run.items()}
            )
            for run in joint.followers(CONFIG)
        )
        or "none",
        variant="main|no-\\w+",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        first=lambda wildcards: RUN.format(**joint.trained_run(CONFIG, wildcards)),
        run=subpath(output.weights, parent=True),
        differ=lambda wildcards: [
            key
            for key, value in joint.trained_run(CONFIG, wildcards).items()
            if wildcards[key] != value
        ],
    shell:
        "python -m msa share-training {params.first:q} {params.run:q} --differ {params.differ}"
        " > {log:q} 2>&1"
