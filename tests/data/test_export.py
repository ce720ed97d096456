import pickle

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from msa.__main__ import main
from msa.base.errors import InputError
from msa.data.export import export, mmsa_id, mult_id
from msa.demo.look_alikes import mmsa, mult
from msa.formats.content import as_words
from msa.formats.layouts import read_layout, recognize
from msa.formats.pickles.unpickle import load
from msa.formats.segments import FOLDS, Segments, read, write

TEXT = {"mmsa": "embedding", "mult": "glove"}
WIDTHS = {"text": 4, "audio": 3, "vision": 2}
CLIPS = ["", "[0]", "[017]", "[1.5:2.25]", "[a b]", "[]", "[1:]", "[x][3]"]
# what no row may be taken for: padding, or the end of a segment
VALUES = [0, 0, 0, 1.5, -2.25, np.nan, -np.inf]


def random_fold(rng, layout, labels, columns, words):
    n, aligned = rng.integers(1, 5), rng.random() < 0.5
    sequences = {name: [] for name in WIDTHS}
    for _ in range(n):
        shared = rng.integers(1, 5)
        for name, width in WIDTHS.items():
            rows = np.zeros((shared if aligned else rng.integers(0, 5), width), np.float32)
            rows[:, rng.integers(width)] = rng.choice(VALUES, len(rows))
            sequences[name].append(rows)
    sequences[TEXT[layout]] = sequences.pop("text")
    if words:
        texts = [rng.choice(["I", "$_$", "n't", "é", "好"], rng.integers(4)) for _ in range(n)]
        sequences["words"] = [as_words(text) for text in texts]
    ids = [f"-é${rng.integers(99)}{rng.choice(CLIPS)}" for _ in range(n)]
    alone = ["text", "audio", "vision"] if layout == "mmsa" and columns == 1 else []
    unimodal = {name: rng.choice([*labels, np.nan], n) for name in alone}
    label = rng.choice(labels, (n, columns))
    return Segments(ids, label, sequences, unimodal=unimodal)


def assert_same(folds, again, names):
    for fold in FOLDS:
        assert again[fold].ids == folds[fold].ids
        label, unimodal = folds[fold].label, folds[fold].unimodal
        if label.shape[1] == 1 and unimodal:  # the layout has all four, and all are read
            label = np.column_stack([label, *unimodal.values()])
        np.testing.assert_array_equal(again[fold].label, label)
        for name, alone in unimodal.items():
            np.testing.assert_array_equal(again[fold].unimodal[name], alone)
        for name in names:
            pairs = zip(folds[fold].sequences[name], again[fold].sequences[name], strict=True)
            for before, after in pairs:
                np.testing.assert_array_equal(after, before)


NUMBERS = [-3.0, -0.1, 1 / 3, 2.0]
KINDS = [
    ("mmsa", NUMBERS, 1, []),
    ("mmsa", NUMBERS, 4, []),
    ("mult", NUMBERS, 1, []),
    ("mult", NUMBERS, 3, []),
    ("mult", [0.0, 1.0], 4, ["--binary"]),
    ("mult", [0.0, 1.0], 1, ["--binary"]),
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("layout", "labels", "columns", "flags"), KINDS)
def test_exported_and_imported_it_is_the_same(tmp_path, layout, labels, columns, flags, seed):
    rng, words = np.random.default_rng(seed), seed % 2 == 0
    folds = {fold: random_fold(rng, layout, labels, columns, words) for fold in FOLDS}
    write(folds, tmp_path / "data", tmp_path / "card.json", "made")
    path = tmp_path / "out" / "file.pkl"
    main(["export", str(tmp_path / "data"), "--layout", layout, "--output", str(path), *flags])
    found, again = recognize(path)
    assert found == layout
    kept = ["words"] if words and layout == "mmsa" else []
    assert_same(folds, again, [TEXT[layout], "audio", "vision", *kept])


@pytest.mark.parametrize(
    ("module", "layout", "variant", "flags"),
    [
        (mmsa, "mmsa", {"dataset": "sims"}, []),
        (mmsa, "mmsa", {"aligned": True}, []),
        (mult, "mult", {"dataset": "mosi", "aligned": False}, []),
        (mult, "mult", {"dataset": "iemocap"}, ["--binary"]),
    ],
)
def test_a_look_alike_comes_back(tmp_path, module, layout, variant, flags):
    path = module.write(tmp_path, np.random.default_rng(0), **variant)
    folds = read_layout(path, layout)
    write(folds, tmp_path / "data", tmp_path / "card.json", "imported")
    out = tmp_path / "again.pkl"
    main(["export", str(tmp_path / "data"), "--layout", layout, "--output", str(out), *flags])
    assert_same(folds, read_layout(out, layout), list(folds["train"].sequences))
    first, again = load(path)["test"], load(out)["test"]
    assert set(first) <= set(again)
    for key, value in first.items():
        assert type(again[key]) is type(value)
        if isinstance(value, np.ndarray):
            assert again[key].ndim == value.ndim and again[key].dtype.kind == value.dtype.kind


def make(columns=1, **sequences):
    """Two segments a fold, 1 and 3 steps."""

    def fold():
        rows = {
            name: [np.full((1, width), 1.0), np.arange(3.0)[:, None] + np.ones((3, width))]
            for name, width in {"embedding": 4, "audio": 3, "vision": 2}.items()
        }
        label = np.array([[-1.5] * columns, [0] * columns], dtype=np.float64)
        words = [as_words(["one"]), as_words(["one", "two", "three"])]
        return Segments(["a[0]", "b"], label, rows | {"words": words} | sequences)

    return {name: fold() for name in FOLDS}


def test_what_mmsa_reads():
    fold = export(make(), "mmsa")["valid"]
    assert fold["text"].shape == (2, 3, 4) and fold["text"].dtype == np.float32
    assert fold["audio"][:, :, 0].tolist() == [[1, 0, 0], [1, 2, 3]]
    assert fold["vision_lengths"] == [1, 3]
    assert fold["text_bert"].tolist() == [
        [[0, 0, 0], [1, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
    ]
    assert fold["raw_text"].tolist() == ["one", "one two three"]
    assert fold["id"] == ["a$_$0", "b"]
    assert fold["annotations"] == ["Negative", "Neutral"]
    assert fold["classification_labels"].tolist() == [0, 1]
    assert fold["regression_labels"].tolist() == [-1.5, 0]


def test_what_mult_reads():
    fold = export(make(columns=2), "mult", columns=[1])["valid"]
    # zeros come first, as in its own files
    assert fold["audio"][:, :, 0].tolist() == [[0, 0, 1], [1, 2, 3]]
    assert fold["text"].shape == (2, 3, 4)
    assert fold["labels"].tolist() == [[[-1.5]], [[0]]]
    # its loader decodes them for MOSI
    assert fold["id"].tolist() == [[b"a", b"0", b""], [b"b", b"", b""]]


def test_longer_segments_are_cut_where_the_padding_would_be():
    assert export(make(), "mmsa", length=2)["test"]["audio"][:, :, 0].tolist() == [[1, 0], [1, 2]]
    cut = export(make(), "mult", length=2)["test"]
    assert cut["audio"][:, :, 0].tolist() == [[0, 1], [2, 3]]
    assert cut["audio_lengths"].tolist() == [1, 2]
    assert export(make(), "mult", length=7)["test"]["vision"].shape == (2, 7, 2)


def test_all_folds_are_as_long_as_the_longest():
    folds = make()
    folds["test"] = Segments(
        ["c"], np.zeros((1, 1)), {name: [np.ones((9, 2))] for name in folds["test"].sequences}
    )
    assert export(folds, "mult")["train"]["audio"].shape == (2, 9, 3)


@pytest.fixture
def tokenizer():
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two", "th", "##ree"]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=32,
    )


def test_a_tokenizer_makes_pieces_and_lengths_stay(tmp_path, tokenizer):
    folds = make()
    content = export(folds, "mmsa", tokenizer=tokenizer)
    assert content["test"]["text_bert"].tolist() == [
        [[2, 4, 3, 0, 0, 0], [1, 1, 1, 0, 0, 0], [0] * 6],
        [[2, 4, 5, 6, 7, 3], [1] * 6, [0] * 6],
    ]
    cut = export(folds, "mmsa", tokenizer=tokenizer, length=4)["test"]["text_bert"]
    assert cut[:, 0].tolist() == [[2, 4, 3, 0], [2, 4, 5, 3]]
    path = tmp_path / "data.pkl"
    path.write_bytes(pickle.dumps(content))
    assert_same(folds, read_layout(path, "mmsa"), ["embedding", "audio", "vision", "words"])


def test_the_encoder_is_a_folder(tmp_path, tokenizer):
    write(make(), tmp_path / "data", tmp_path / "card.json", "made")
    tokenizer.save_pretrained(tmp_path / "encoder")
    sizes = {"hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 4}
    BertModel(BertConfig(vocab_size=8, num_hidden_layers=1, **sizes)).save_pretrained(
        tmp_path / "encoder"
    )
    out = tmp_path / "out.pkl"
    given = [tmp_path / "data", "--layout", "mmsa", "--output", out]
    assert main(["export", *map(str, given), "--encoder", str(tmp_path / "encoder")]) == 0
    expected = export(make(), "mmsa", tokenizer=tokenizer)["test"]["text_bert"]
    np.testing.assert_array_equal(load(out)["test"]["text_bert"], expected)


@pytest.mark.parametrize(
    ("layout", "folds", "keywords", "message"),
    [
        ("mmsa", make(columns=2), {}, "one label, or four as in SIMS; got 2"),
        (
            "mult",
            make(),
            {"text": "glove"},
            "mult needs text: .* sequence glove, found emb",
        ),
        ("mult", make(), {"columns": [1]}, r"expected columns \[1\] of the labels, there are 1"),
        ("mult", make(), {"binary": True}, "expected labels 0 and 1"),
    ],
)
def test_what_cannot_be_exported(layout, folds, keywords, message):
    with pytest.raises(InputError, match=message):
        export(folds, layout, **keywords)


def test_a_modality_that_is_missing():
    folds = make()
    for of in folds.values():
        del of.sequences["vision"]
    with pytest.raises(InputError, match="mmsa needs vision: expected a sequence vision, found"):
        export(folds, "mmsa")


def test_cleaned_rows_and_encoded_words_replace_those_of_the_folds(tmp_path):
    write(make(), tmp_path / "data", tmp_path / "card.json", "made")
    for fold in FOLDS:
        (tmp_path / "clean" / fold).mkdir(parents=True)
        np.save(tmp_path / "clean" / fold / "audio.npy", np.full((4, 3), 7, np.float32))
        np.save(tmp_path / f"{fold}.npy", np.full((4, 5), 8, np.float32))
    folds = read(tmp_path / "data", tmp_path / "clean", tmp_path)
    content = export(folds, "mult", text="features")
    assert content["valid"]["text"].max() == 8 and content["valid"]["text"].shape == (2, 3, 5)
    assert content["valid"]["audio"].max() == 7 and content["valid"]["vision"].max() == 3
    np.save(tmp_path / "clean" / "valid" / "audio.npy", np.ones((5, 3)))
    with pytest.raises(InputError, match=r"audio.npy: expected 4 rows as offsets.npy says, got 5"):
        read(tmp_path / "data", tmp_path / "clean")


def test_a_folder_without_folds_is_one_error_and_no_file(tmp_path, capsys):
    out = tmp_path / "out.pkl"
    assert main(["export", str(tmp_path), "--layout", "mmsa", "--output", str(out)]) == 1
    assert "offsets.npy: expected a .npy array, got: No such file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("segment", "as_mmsa", "as_mult"),
    [
        ("a[0]", "a$_$0", (b"a", b"0", b"")),
        ("a[b][12]", "a[b]$_$12", (b"a[b]", b"12", b"")),
        ("a[1.5:2]", "a$_$1.5:2", (b"a", b"1.5", b"2")),
        ("a[1:]", "a$_$1:", (b"a[1:]", b"", b"")),
        ("a[]", "a[]", (b"a[]", b"", b"")),
        ("train/3", "train/3", (b"train/3", b"", b"")),
    ],
)
def test_ids_as_theirs(segment, as_mmsa, as_mult):
    assert mmsa_id(segment) == as_mmsa
    assert mult_id(segment) == as_mult
