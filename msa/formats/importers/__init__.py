"""Importers: the layouts in which others circulate the data sets, one module a layout.

A layout is told by its content, never by a file's name. A module has
`problems(content)`, what speaks against the content being of this layout, which is nothing where
it is, and `read(content)`, its folds by name, as `Segments`. Both take what is `Asked` too, if the
layout is one of `READ_AS_ASKED`, and want no more than that. A table says less of itself: its
`read` takes what the recipe says.
"""

# layout -> module
LAYOUTS = {
    "mmsa": "msa.formats.importers.mmsa",
    "mult": "msa.formats.importers.mult",
    "mag": "msa.formats.importers.mag",
    "misa": "msa.formats.importers.misa",
    "hkt": "msa.formats.importers.hkt",
    "lmf": "msa.formats.importers.lmf",
    "cm_bert": "msa.formats.importers.cm_bert",
    "msaf": "msa.formats.importers.msaf",
    "cherma": "msa.formats.importers.cherma",
    "table": "msa.formats.importers.table",
}
READ_AS_ASKED = ("mmsa",)
