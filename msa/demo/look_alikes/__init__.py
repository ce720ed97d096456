"""Look-alikes: tiny files in exactly the layouts that others circulate, with made-up content.

One module a layout, with `write(folder, rng)`, which writes its files into a folder and returns
what to import: the file, or the folder.
"""

# layout -> module
LOOK_ALIKES = {
    "csd": "msa.demo.look_alikes.csd",
    "mmsa": "msa.demo.look_alikes.mmsa",
    "mult": "msa.demo.look_alikes.mult",
    "mag": "msa.demo.look_alikes.mag",
    "misa": "msa.demo.look_alikes.misa",
    "hkt": "msa.demo.look_alikes.hkt",
    "lmf": "msa.demo.look_alikes.lmf",
    "cm_bert": "msa.demo.look_alikes.cm_bert",
    "msaf": "msa.demo.look_alikes.msaf",
    "cherma": "msa.demo.look_alikes.cherma",
    "table": "msa.demo.look_alikes.table",
}
