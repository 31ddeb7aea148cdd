"""Shared fixtures: tiny transformers built here, with real fast tokenizers, and passages of text like Wikipedia's."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test may reach for the network
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from pathlib import Path
from typing import Any

import pytest

from samedream.records import Fold, Passage

ARCHITECTURES = ("llama", "gemma3", "gpt2", "opt", "qwen2")
BLOCKS, WIDTH = 2, 32
_SUBJECTS = (
    ("Volcano", "Earth", "A volcano is an opening in the crust of a planet from which lava, ash and gases escape."),
    ("Honey bee", "Biology", "The honey bee lives in colonies; workers collect nectar and dance to tell where it is."),
    ("Café", "Food", "A café serves coffee, crème brûlée and naïve talk — Zürich, São Paulo and Kraków have many."),
    ("Piano", "Arts", "The piano is a stringed instrument in which hammers strike the strings, from ppp to fff."),
    ("Tokyo", "Geography", "Tokyo (東京, Tōkyō) is the capital of Japan (日本). Its metropolitan area is the largest."),
    ("Emoji", "Culture", "Emoji such as 😀, 👩‍🚀 and 🇫🇷 are pictograms in text; the first came from Japan in 1997."),
    ("Pi", "Mathematics", "The number π ≈ 3.14159 is the ratio of a circle's circumference to its diameter."),
    ("Seoul", "Geography", "Seoul (서울) lies on the Han River; it was the capital of Joseon for five hundred years."),
    ("Chess", "Games", "Chess is played on 64 squares. The king is checkmated when it is attacked and cannot escape."),
    ("Moscow", "Geography", "Moscow (Москва) stands on the Moskva River; the Kremlin and Red Square are its centre."),
    ("Bread", "Food", "Bread is baked from a dough of flour and water; yeast makes it rise before it is baked."),
    ("Whale", "Biology", "Whales are mammals: they breathe air, nurse their calves and sing across whole oceans."),
    ("Steam engine", "Technology", "A steam engine turns heat into motion: steam pushes a piston back and forth."),
    ("Plato", "Philosophy", "Plato (Πλάτων) founded the Academy in Athens and wrote dialogues about justice."),
    ("Glacier", "Earth", "A glacier is a body of ice that moves under its own weight and carves valleys as it goes."),
    ("Algebra", "Mathematics", "Algebra (الجبر) studies symbols and the rules for changing them, as in 𝑥² + 2𝑥 = 8."),
    ("Violin", "Arts", "The violin has four strings tuned in fifths: G, D, A, E. It is played with a bow."),
    ("Photosynthesis", "Biology", "Plants turn light, water and carbon dioxide (CO₂) into sugar and oxygen (O₂)."),
    ("Silk Road", "History", "The Silk Road joined China to the Mediterranean; silk, paper and plague came by it."),
    ("Football", "Games", "Football is played by two teams of eleven; goals count, and the offside rule is disputed."),
    ("Moon", "Space", "The Moon is the only natural satellite of the Earth; its gravity raises the tides."),
    ("Printing", "Technology", "Movable type was used in Korea before Gutenberg printed his Bible about 1455."),
    ("Rice", "Food", "Rice (米) feeds more than half of mankind; it grows in flooded fields called paddies."),
    ("Revolution", "History", "A revolution overturns a government; the people of Paris stormed the Bastille in 1789."),
    ("Atom", "Physics", "An atom has a nucleus of protons and neutrons; electrons fill the orbitals around it."),
    ("Poetry", "Arts", "Poetry uses rhythm, sound and image; a haiku has five, seven and five syllables."),
    ("Desert", "Earth", "A desert receives little rain; the Sahara is hot, the Gobi cold, Antarctica largest of all."),
    ("Bank", "Economy", "A bank takes deposits and makes loans; money lent is paid back with interest (€5 on €100)."),
    ("Language", "Culture", "About 7,000 languages are spoken; many are written, some signed, and half may vanish."),
    ("Mars", "Space", "Mars is red with iron oxide; Olympus Mons on it is the tallest volcano known."),
)
_SECOND = (
    "Its history is long:  scholars have described it since antiquity, and the name changed more than once.",
    "Today it is studied in schools around the world; museums show it, and children draw it.",
)


def _folds(number: int) -> Fold:
    return "label" if number % 2 else "score"


@pytest.fixture(scope="session")
def passages() -> list[Passage]:
    """Sixty passages of thirty articles, two each; some with accents, emoji, Greek, Arabic and CJK."""
    made = []
    for number, (title, topic, lead) in enumerate(_SUBJECTS):
        second = f"{title}: {_SECOND[number % 2]} {lead.split('; ')[-1].split(': ')[-1]}"
        for place, (section, text) in enumerate((("Abstract", lead), ("History", second))):
            made.append(
                Passage(
                    passage_id=f"en:{100 + number}#{place}",
                    article_id=f"en:{100 + number}",
                    article=title,
                    section=section,
                    kind="paragraph" if place else "abstract",
                    language="en",
                    topic=topic,
                    text=text,
                    fold=_folds(number),
                )
            )
    return made


def _byte_bpe(texts: list[str]) -> Any:
    """A byte-level BPE like GPT-2's: no character is unknown, a rare one is several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=["<|endoftext|>"],
            show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    return tokenizer


def _unigram(texts: list[str]) -> Any:
    """A Unigram model with SentencePiece's word marker, and <bos> put before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    tokenizer.train_from_iterator(
        texts,
        trainers.UnigramTrainer(
            vocab_size=400,
            special_tokens=["<pad>", "<bos>", "<unk>"],
            unk_token="<unk>",
            show_progress=False,
        ),
    )
    bos = tokenizer.token_to_id("<bos>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", bos)])
    return tokenizer


def _config(architecture: str, vocabulary: int) -> Any:
    import transformers as hf

    shape = {
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "num_hidden_layers": BLOCKS,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 256,
        "bos_token_id": None,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    if architecture == "llama":
        return hf.LlamaConfig(**shape, num_key_value_heads=2)
    if architecture == "qwen2":
        return hf.Qwen2Config(**shape, num_key_value_heads=2)
    if architecture == "gemma3":
        return hf.Gemma3TextConfig(
            **shape,
            num_key_value_heads=1,
            head_dim=8,
            sliding_window=16,
            layer_types=["sliding_attention", "full_attention"],
        )
    if architecture == "opt":
        del shape["intermediate_size"]
        return hf.OPTConfig(**shape, ffn_dim=64, word_embed_proj_dim=WIDTH)
    return hf.GPT2Config(
        vocab_size=vocabulary, n_embd=WIDTH, n_layer=BLOCKS, n_head=4, n_positions=256, bos_token_id=0, eos_token_id=0
    )


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory, passages: list[Passage]) -> dict[str, Path]:
    """Architecture → a tiny random-weight model: Llama and Gemma3 with SentencePiece-like tokens, the rest bytes."""
    import torch
    import transformers as hf

    texts = [passage.text for passage in passages]
    byte_bpe = hf.PreTrainedTokenizerFast(
        tokenizer_object=_byte_bpe(texts), eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )
    unigram = hf.PreTrainedTokenizerFast(
        tokenizer_object=_unigram(texts), bos_token="<bos>", unk_token="<unk>", pad_token="<pad>"
    )
    made = {}
    for seed, architecture in enumerate(ARCHITECTURES):
        tokenizer = unigram if architecture in ("llama", "gemma3") else byte_bpe
        config = _config(architecture, len(tokenizer))
        config.tie_word_embeddings = True
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(100 + seed)
            model = hf.AutoModelForCausalLM.from_config(config)
            with torch.no_grad():
                for parameter in model.parameters():  # larger than the usual start, so that blocks matter
                    parameter.add_(torch.randn_like(parameter) * 0.1)
        directory = tmp_path_factory.mktemp("models") / f"tiny-{architecture}"
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        made[architecture] = directory
    return made


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """One thread: the machine is shared, and tests may run side by side."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_cache(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any) -> None:
    """Tests keep out of the user's cache, but for those of real models: converting one takes a minute."""
    if request.node.get_closest_marker("models") is None:
        monkeypatch.setenv("SAMEDREAM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
