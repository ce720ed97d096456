# A cross-validation: every deal is a data set of its own, `<dataset>.fold1` and so on, with folds
# that `deal` makes, as it does of one split that is drawn; `pool` makes the runs of all deals one run
# of the whole data set.


rule deal:
    input:
        data=undealt,
        speakers=dealing_speakers,
        checks=checks,
        code=closure("deal"),
    output:
        folds=f"{DATA}/{{dataset}}/folds.json",
        groups=f"{DATA}/{{dataset}}/groups.json",
    log:
        "logs/{dataset}/deal.log",
    wildcard_constraints:
        dataset=one_of(DEALS + DRAWN),
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        data=lambda wildcards, input: (
            input.data[0] if len(input.data) == 1 else parent(input.data[0])
        ),
        how=lambda wildcards: flags.deal_flags(CONFIG, wildcards.dataset),
    shell:
        "python -m msa deal {params.data:q} {params.how:q} --output {output.folds:q}"
        " --groups {output.groups:q}"
        f" {LOGGED}"


rule refold:
    input:
        data=undealt,
        folds=f"{DATA}/{{dataset}}/folds.json",
        code=closure("refold"),
    output:
        directory(expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS)),
        card=f"{DATA}/{{dataset}}/card.json",
    log:
        "logs/{dataset}/refold.log",
    wildcard_constraints:
        dataset=one_of(name for name in DEALS if folds.whole(CONFIG, name) in IMPORTED),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(4000, per_mb=1),
        runtime=scaled(30, per_mb=0.05),
    params:
        data=lambda wildcards, input: parent(input.data[0]),
        folder=subpath(output.card, parent=True),
    shell:
        "python -m msa refold {params.data:q} --folds {input.folds:q} --output {params.folder:q}"
        " --card {output.card:q}"
        f" {LOGGED}"


rule share_features:
    input:
        folds=expand(f"{DATA}/{{{{dataset}}}}/{{fold}}", fold=FOLDS),
        encoded=lambda wildcards: expand(
            f"{DATA}/{first_deal(wildcards)}/{{fold}}", fold=FOLDS
        ),
        features=lambda wildcards: expand(
            f"{FEATURES}/{first_deal(wildcards)}/{wildcards.encoder}/{{fold}}.npy",
            fold=FOLDS,
        ),
        encoder=encoder_folder,
        checks=encoder_checks,
        code=closure("share-features"),
    output:
        expand(f"{FEATURES}/{{{{dataset}}}}/{{{{encoder}}}}/{{fold}}.npy", fold=FOLDS),
        f"{FEATURES}/{{dataset}}/{{encoder}}/pieces.json",
    log:
        "logs/{dataset}/share_features-{encoder}.log",
    wildcard_constraints:
        dataset=one_of(LATER_DEALS),
    conda:
        "../envs/msa.yaml"
    resources:
        mem_mb=scaled(2000, per_mb=3),
        runtime=scaled(15),
    params:
        data=lambda wildcards, input: parent(input.folds[0]),
        encoded=lambda wildcards, input: parent(input.encoded[0]),
        features=lambda wildcards, input: parent(input.features[0]),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m msa share-features {params.data:q} --encoded {params.encoded:q}"
        " --features {params.features:q} --encoder {input.encoder:q} --output {params.folder:q}"
        f" {LOGGED}"


rule pool:
    input:
        settings=f"{RUN}/settings.json",
        records=lambda wildcards: paths.dealt_files(CONFIG, wildcards, "training.json"),
        predictions=lambda wildcards: paths.dealt_files(
            CONFIG, wildcards, "predictions/clean.npz"
        ),
        groups=lambda wildcards: (f"{DATA}/{first_deal(wildcards)}/groups.json"),
        code=closure("pool"),
    output:
        record=f"{RUN}/training.json",
        predictions=f"{RUN}/predictions/clean.npz",
    log:
        f"{RUN_LOG}-pool.log",
    wildcard_constraints:
        dataset=one_of(CROSSED),
        variant="main",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        run=subpath(output.record, parent=True),
        runs=lambda wildcards, input: [*map(parent, input.records)],
    shell:
        "python -m msa pool {params.runs:q} --groups {input.groups:q} --output {params.run:q}"
        f" {LOGGED}"
