import numpy as np
import pytest
from spoken import needs_espeak, say, silence

pytest.importorskip("pocketsphinx", reason="pocketsphinx is not installed")

from msa.base.errors import InputError
from msa.extract import whisper
from msa.extract.whisper import recognize


class Heard:
    """A pipeline that gives what it is told, and keeps what it was asked."""

    def __init__(self, *chunks):
        self.chunks = chunks
        self.seconds = []

    def __call__(self, sound, return_timestamps):
        assert return_timestamps == "word" and sound["sampling_rate"] == 16_000
        assert sound["raw"].dtype == np.float32 and abs(sound["raw"]).max() <= 1
        self.seconds.append(len(sound["raw"]) / 16_000)
        return {"chunks": [{"text": text, "timestamp": time} for text, time in self.chunks]}


def test_ends_that_a_whisper_leaves_open(monkeypatch):
    """None, or the start: the next start, 20 ms at least; times are those of the whole sound."""
    heard = Heard((" It", (0, 0.4)), (" was", (0.4, 0.4)), ("", (0.5, 0.6)), (" good", (0.7, None)))
    monkeypatch.setattr(whisper, "_pipeline", lambda model: heard)
    monkeypatch.setattr(whisper, "speech", lambda samples: np.array([[1.0, 2], [3, 4], [40, 41]]))
    words = recognize(silence(50), "whisper")
    assert words.texts == ["It", "was", "good"] * 2 and words.origin == "recognized"
    assert heard.seconds == [3, 1]  # neighbours at once, up to 28 s
    times = [1, 1.4, 1.4, 1.7, 1.7, 40, 40, 40.4, 40.4, 40.7, 40.7, 40.72]
    assert words.times.ravel() == pytest.approx(times)


def test_silence_needs_no_model():
    assert recognize(silence(2), "nowhere").texts == []


@needs_espeak
def test_a_folder_that_is_no_whisper(tmp_path):
    with pytest.raises(InputError, match="expected a Whisper of transformers"):
        recognize(say()[0], tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A Whisper of random weights whose tokens are bytes."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("whisper")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|transcribe|>"]
    special += ["<|translate|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>"]
    special += ["<|notimestamps|>"]
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    tokenizer.add_tokens([AddedToken(f"<|{i * 0.02:.2f}|>") for i in range(1501)])
    fast = WhisperTokenizerFast(tokenizer_object=tokenizer, unk_token=special[0])
    fast.save_pretrained(folder)
    number = tokenizer.token_to_id
    size = tokenizer.get_vocab_size()
    config = WhisperConfig(
        vocab_size=size,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_target_positions=64,
        decoder_start_token_id=number("<|startoftranscript|>"),
        **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), number(special[0])),
    )
    torch.manual_seed(0)
    network = WhisperForConditionalGeneration(config)
    settings = network.generation_config
    settings.alignment_heads = [[0, 0]]
    settings.no_timestamps_token_id = number("<|notimestamps|>")
    settings.lang_to_id, settings.is_multilingual = {"<|en|>": number("<|en|>")}, True
    settings.task_to_id = {"transcribe": number("<|transcribe|>")}
    settings.language, settings.task = "en", "transcribe"
    settings.max_length = 24
    settings._from_model_config = False
    network.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.mark.slow
@needs_espeak
def test_a_model_of_transformers(model):
    """Whatever words it makes up, they are times in the sound."""
    words = recognize(say()[0], model)
    assert words.times.shape == (len(words.texts), 2)
    assert (words.times[:, 1] > words.times[:, 0]).all()
