# All conditions of a run in one job: what takes long is the start of torch.
rule perturb:
    input:
        unpack(run_data),
        cleaning=f"{DATA}/{{dataset}}/clean/cleaning.npz",
        settings=f"{RUN}/settings.json",
        weights=f"{RUN}/model.safetensors",
        code=lambda wildcards: closure("perturb", wildcards.model),
    output:
        f"{RUN}/predictions/perturbed.npz",
    log:
        f"{RUN_LOG}-perturb.log",
    benchmark:
        f"{RUN}/benchmarks/perturb.tsv"
    wildcard_constraints:
        dataset=one_of(TRAINED),
    conda:
        "../envs/msa.yaml"
    threads: threads_of
    resources:
        gpu=int(DEVICE != "cpu"),
        gpu_jobs=CONFIG.values["gpu_jobs_per_device"],
        device=DEVICE,
        mem_mb=scaled(8000, per_mb=3),
        runtime=scaled(60),
    params:
        run=subpath(output[0], ancestor=2),
        data=data_flags,
        missing_frames=ROBUSTNESS["missing_frames"],
        noise=ROBUSTNESS["noise"],
        seed=ROBUSTNESS["seed"],
    shell:
        "python -m msa perturb {params.run:q} {params.data:q} --device {resources.device}"
        " --gpu-jobs-per-device {resources.gpu_jobs} --missing-frames {params.missing_frames}"
        " --noise {params.noise} --seed {params.seed}"
        f" {LOGGED}"
