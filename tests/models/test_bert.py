"""The pooler, which a model takes over from its encoder."""

import pytest
import torch
from making import make_bert
from transformers import AlbertConfig, AlbertModel

from msa.data.bert import load_bert
from msa.models.bert import take_pooler


def albert():
    sizes = {"hidden_size": 12, "num_attention_heads": 2, "intermediate_size": 16}
    return AlbertModel(AlbertConfig(vocab_size=30, embedding_size=6, **sizes))


@pytest.mark.parametrize("make_encoder", [make_bert, albert])
def test_the_pretrained_pooler(make_encoder):
    encoder, ids = make_encoder().eval(), torch.tensor([[2, 5, 3], [2, 7, 3]])
    expected = encoder(input_ids=ids).pooler_output
    pooler = take_pooler(encoder)
    states = encoder(input_ids=ids).last_hidden_state
    torch.testing.assert_close(pooler(states), expected)
    assert not [name for name, _ in encoder.named_parameters() if "pooler" in name]


def test_our_bert_has_the_pooler_of_the_folder(tmp_path):
    theirs = make_bert()
    theirs.save_pretrained(tmp_path)
    ours = take_pooler(load_bert(tmp_path)).state_dict()
    assert all(torch.equal(ours[key], x) for key, x in theirs.pooler.state_dict().items())


def test_a_new_pooler_is_drawn_where_there_is_none():
    bert = make_bert()
    bert.register_module("pooler", None)
    torch.manual_seed(0)
    first, second = take_pooler(bert), take_pooler(bert)
    assert 0 < first.dense.weight.std() < 0.03
    assert not torch.equal(first.dense.weight, second.dense.weight)
    assert not first.dense.bias.any()
