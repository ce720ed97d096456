"""BERT's tokenizer: Devlin et al., NAACL 2019; the pieces of transformers', without its start."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPECIAL = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}


@dataclass
class Tokenizer:
    """What cuts words into pieces, under transformers' names."""

    backend_tokenizer: Any
    pad_token_id: int
    unk_token_id: int
    cls_token_id: int
    sep_token_id: int
    model_max_length: int

    def __len__(self) -> int:
        return self.backend_tokenizer.get_vocab_size()


def load_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer in a folder; None where its two files are not wholly BERT's.

    Raises:
        OSError: a file cannot be read.
        ValueError: one is no JSON.
    """
    import tokenizers
    from tokenizers import models, normalizers, pre_tokenizers

    files = [folder / name for name in ("tokenizer.json", "tokenizer_config.json")]
    if not all(map(Path.is_file, files)):
        return None
    content, said = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    names = [said.get(f"{name}_token", usual) for name, usual in SPECIAL.items()]
    model = content["model"]
    if (
        said.get("tokenizer_class") not in ("BertTokenizer", "BertTokenizerFast")
        or model.get("type") != "WordPiece"
        or names != [*SPECIAL.values()]
        or not {*names} <= {*model["vocab"]}
        # pieces of the user's own
        or not {token["content"] for token in content["added_tokens"]} <= {*names}
    ):
        return None
    made = tokenizers.Tokenizer(models.WordPiece(model["vocab"], unk_token=SPECIAL["unk"]))
    made.normalizer = normalizers.BertNormalizer(
        handle_chinese_chars=said.get("tokenize_chinese_chars", True),
        strip_accents=said.get("strip_accents"),
        lowercase=said.get("do_lower_case", True),
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(names)
    ids = {f"{n}_token_id": model["vocab"][SPECIAL[n]] for n in ("pad", "unk", "cls", "sep")}
    longest = said.get("model_max_length") or sys.maxsize
    return Tokenizer(made, **ids, model_max_length=int(longest))
