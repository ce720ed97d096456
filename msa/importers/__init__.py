"""Importers: the layouts in which others circulate the data sets, one module a layout.

A layout is told by its content, never by a file's name. A module has
`problems(content)`, what speaks against the content being of this layout, which is nothing where
it is, and `read(content)`, its folds by name, as `Segments`.
"""

# layout -> module
LAYOUTS = {
    "cherma": "msa.importers.cherma",
    "cm_bert": "msa.importers.cm_bert",
    "hkt": "msa.importers.hkt",
    "lmf": "msa.importers.lmf",
    "mag": "msa.importers.mag",
    "misa": "msa.importers.misa",
    "mmsa": "msa.importers.mmsa",
    "msaf": "msa.importers.msaf",
    "mult": "msa.importers.mult",
}
