"""Importers: the layouts in which others circulate the data sets, one module a layout.

A layout is told by its content, never by a file's name. A module has
`problems(content)`, what speaks against the content being of this layout, which is nothing where
it is, and `read(content)`, its folds by name, as `Segments`.
"""

# layout -> module
LAYOUTS = {
    "mmsa": "msa.importers.mmsa",
    "mult": "msa.importers.mult",
    "mag": "msa.importers.mag",
    "misa": "msa.importers.misa",
    "hkt": "msa.importers.hkt",
    "lmf": "msa.importers.lmf",
    "cm_bert": "msa.importers.cm_bert",
    "msaf": "msa.importers.msaf",
    "cherma": "msa.importers.cherma",
}
