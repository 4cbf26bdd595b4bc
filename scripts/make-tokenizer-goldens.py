#!/usr/bin/env python3
"""Writes what the `tokenizers` package gives, for Tests/ModelIOTests/TokenizerTests.swift.

    pip install tokenizers==0.23.3
    scripts/make-tokenizer-goldens.py                           # the committed fixtures
    scripts/make-tokenizer-goldens.py --tokenizer DIR --out OUT --count 5000

The second form takes the `tokenizer.json` of any model, with many more lines. Compare with

    GRADLEAK_TOKENIZER_GOLDENS=OUT swift test --filter TokenizerTests
"""

import argparse
import json
import pathlib
import random
import shutil
import unicodedata

from tokenizers import (
    Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers)

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/tokenizers"

SENTENCES = """
The quick brown fox jumps over the lazy dog, doesn't it?
I'm sure they'll say we've been here; she's not, you'd agree, and they're late.
It was 7:45 p.m. on 3/14/2026, and the bill came to $1,234.56 (20% off!).
Das Mädchen aß große Äpfel in der Straße; ÜBERMUT tut selten gut.
L'élève naïf où l'on a cœur: «ça va?» – Noël à Besançon…
¿Dónde está el niño? ¡Mañana vendrá señor Muñoz!
Příliš žluťoučký kůň úpěl ďábelské ódy.
Zażółć gęślą jaźń. Pchnąć w tę łódź jeża.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ
いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ
私は東京に住んでいます。2026年です。カタカナ ﾊﾝｶｸ
今天天气很好，我们去公园吧！价格：￥100。
한국어 문장입니다. 서울은 대한민국의 수도이다.
مرحبا بالعالم، كيف حالك؟ ١٢٣٤ السَّلَامُ عَلَيْكُمْ
שלום עולם, מה שלומך? שָׁלוֹם
नमस्ते दुनिया, आप कैसे हैं? १२३
สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง
Xin chào thế giới, tiếng Việt có nhiều dấu.
İstanbul'da ışıl ışıl IĞDIR, diğer şehirler.
def f(x): return x**2 + 3*x - 1  # comment, e.g. snake_case and camelCase
https://example.org/path?query=1&x=%20#frag user@example.com
😀👍🏽 family: 👨‍👩‍👧‍👦 flags: 🇩🇪🇯🇵 ☕️ ✈ ♥
ﬁne ﬂuﬀy ligatures ①②③ ½ ¼ x² H₂O Å Ω K ſ ǅ ẞ
e\u0301 n\u0303 a\u030a\u0301 \u1e9b\u0323 Ǻ decomposed and composed ẛ̣
""".strip().split("\n")

EDGES = [
    "", " ", "  ", "\n", "\t\t x", "a  b", "a   b ", " leading", "trailing ", "\r\nline\r\n",
    "don't 's 'S 're'll 've'd 'm 't't", "''' '' '", "a'b'c", "x\u00a0y\u2003z\u3000w", "\u200bzero\u200dwidth",
    "[CLS] hello [SEP]", "a[MASK]b [MASK].", "<|endoftext|> and <|endoftext|>", "[UNK][PAD]",
    "\u0000nul", "\ufffd replacement", "\ufeffbom", "\u0085next\u2028line\u2029", "\u00adsoft",
    "a" * 99, "a" * 100, "a" * 101, "ab" * 400, "1234567890" * 3, "!!!???...", "__init__", "~`^$|<>=+",
    "😀" * 20, "\u0301alone", "x\u0301\u0302\u0303", "\U0001f1e9\U0001f1ea", "\U000e0041tag", "中a文b",
    "\U00020000\U0002a700", "İIiı", "ΑΣ ΑΣ. Σ", "ﬃ", "ǰ", "ŉ", "가각힣", "한", "\ud7a4", "٣٤", "Ⅷ", "㍿", "ſt",
    "  two  spaces  ", "\n\n\nthree", "tab\tseparated\tvalues", "no-break\u202fspace", "\u180e", "\x7f\x80",
]


def texts(count, seed, everything=False):
    """Sentences, edge cases, and random mixtures of words and of any characters.

    everything: also those that are not assigned, and private ones.
    """
    source = random.Random(seed)
    words = " ".join(SENTENCES).split(" ")
    # Characters that every version of Unicode in use knows: tables differ for younger ones.
    known = [c for c in map(chr, range(0x20, 0x30000))
             if unicodedata.ucd_3_2_0.category(c) not in ("Cn", "Cs", "Co")]
    if everything:
        known = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200)]]
    result = SENTENCES + EDGES
    while len(result) < count:
        kind = source.randrange(4)
        if kind == 0:
            result.append(" ".join(source.choices(words, k=source.randint(1, 12))))
        elif kind == 1:
            result.append("".join(source.choices(known, k=source.randint(1, 20))))
        elif kind == 2:
            letters = [source.choice(source.choice(words) or " ") for _ in range(20)]
            result.append("".join(letters))
        else:
            parts = source.choices(words, k=5) + source.choices(known, k=5)
            source.shuffle(parts)
            result.append(source.choice(["", " ", "  ", "\n", "'"]).join(parts))
    return result[:count]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.train_from_iterator(SENTENCES * 3, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def word_piece(lowercase):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(SENTENCES * 3, trainers.WordPieceTrainer(
        vocab_size=900, show_progress=False,
        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    if lowercase:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", cls), ("[SEP]", sep)])
    else:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", sep), ("[CLS]", cls))
    return tokenizer


def mixed():
    """Less usual parts: a sequence of normalisers, added tokens that take white space along."""
    from tokenizers import AddedToken
    tokenizer = byte_level()
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=True)])
    tokenizer.add_special_tokens([AddedToken("[MASK]", lstrip=True, rstrip=True, special=True)])
    tokenizer.add_tokens([AddedToken("quick", single_word=True, normalized=True)])
    return tokenizer


def cases(tokenizer, lines):
    result = []
    for text in lines:
        ids = tokenizer.encode(text).ids
        result.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids)})
    return result


def write(folder, tokenizer, lines):
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(cases(tokenizer, lines), ensure_ascii=True, separators=(",", ":"))
    (folder / "cases.json").write_text(text.replace("},{", "},\n{") + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5000)
    arguments = parser.parse_args()
    if arguments.tokenizer:
        source = arguments.tokenizer / "tokenizer.json"
        tokenizer = Tokenizer.from_file(str(source))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        write(arguments.out, tokenizer, texts(arguments.count, 1, everything=True))
        shutil.copy(source, arguments.out / "tokenizer.json")
        return
    for name, tokenizer in [
            ("byte-level", byte_level()), ("word-piece", word_piece(True)),
            ("word-piece-cased", word_piece(False)), ("mixed", mixed())]:
        write(FIXTURES / name, tokenizer, texts(260, 0))
        tokenizer.save(str(FIXTURES / name / "tokenizer.json"), pretty=False)
    # Training twice would not give the same vocabulary.
    vocabulary = Tokenizer.from_file(
        str(FIXTURES / "word-piece/tokenizer.json")).get_vocab()
    lines = [token for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    (FIXTURES / "word-piece/vocab.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
