#!/usr/bin/env python3
"""Normalisers and pre-tokenizers against the `tokenizers` package, over all of Unicode.

    make-fixture          writes Tests/Fixtures/tokenizers/unicode.json: hashes of what the package makes of every
                          block of code points, for UnicodeAgreementTests
    compare DUMP          where gradleak differs: GRADLEAK_UNICODE_DUMP=DUMP swift test --filter UnicodeAgreement
                          writes what it makes of every block

Needs the packages tokenizers.
"""
import json
import os
import sys

from tokenizers import normalizers, pre_tokenizers

FIXTURE = os.path.join(os.path.dirname(__file__), "../..", "Tests/Fixtures/tokenizers/unicode.json")
BLOCK = 64


def bert(**options):
    return normalizers.BertNormalizer(**options)


NORMALIZERS = {
    "NFC": normalizers.NFC(),
    "NFD": normalizers.NFD(),
    "NFKC": normalizers.NFKC(),
    "NFKD": normalizers.NFKD(),
    "Lowercase": normalizers.Lowercase(),
    "StripAccents": normalizers.StripAccents(),
    "Strip": normalizers.Strip(),
    "bert": bert(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True),
    "bert-cased": bert(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False),
    "bert-strip": bert(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False),
    "sequence": normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.NFC()]
    ),
}
PRE_TOKENIZERS = {
    "BertPreTokenizer": pre_tokenizers.BertPreTokenizer(),
    "Whitespace": pre_tokenizers.Whitespace(),
    "WhitespaceSplit": pre_tokenizers.WhitespaceSplit(),
    "ByteLevel": pre_tokenizers.ByteLevel(add_prefix_space=False),
}


def code_points():
    """Planes 0 to 3 and the tags; of the other planes, a sample and both ends."""
    for first in range(0, 0x40000, BLOCK):
        yield [c for c in range(first, first + BLOCK) if not 0xD800 <= c < 0xE000]
    for first in range(0xE0000, 0xE0200, BLOCK):
        yield list(range(first, first + BLOCK))
    for plane in [*range(4, 14), 15, 16]:
        base = plane * 0x10000
        yield [base + c for c in (0, 1, 0x100, 0x1234, 0x7FFF, 0x8000, 0xABCD, 0xFFFD, 0xFFFE, 0xFFFF)]


def text(block):
    """Each code point alone, in words, among accents, among jamo, after a nukta's letter, and doubled."""
    return "".join(
        f" {c} A{c}b \u00e9{c}\u0323\u0301Z \u1100{c}\u11a8 \u0928{c}\u093c 's1{c}{c}"
        for c in map(chr, block)
    )


def outputs(line):
    for name, step in NORMALIZERS.items():
        yield name, step.normalize_str(line)
    for name, step in PRE_TOKENIZERS.items():
        yield name, "\x1f".join(piece for piece, _ in step.pre_tokenize_str(line))


def fnv(hash, data):
    for byte in data:
        hash = ((hash ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return hash


def make_fixture():
    hashes = {}
    for block in code_points():
        if not block:
            continue
        for name, result in outputs(text(block)):
            part = f"{block[0] >> 12 << 12:X}"
            by_part = hashes.setdefault(name, {})
            by_part[part] = fnv(by_part.get(part, 0xCBF29CE484222325), result.encode())
    with open(FIXTURE, "w") as file:
        json.dump({n: {p: f"{h:016x}" for p, h in v.items()} for n, v in hashes.items()}, file, indent=0)
        file.write("\n")


def compare(path):
    count = total = 0
    with open(path, encoding="utf-8", newline="\n") as file:
        dump = json.load(file)
    different = {}
    for block in code_points():
        if not block:
            continue
        for name, result in outputs(text(block)):
            total += 1
            if dump[name][f"{block[0]:X}"] != result:
                different.setdefault(name, []).append((block[0], dump[name][f"{block[0]:X}"], result))
    for name, found in different.items():
        print(f"{name}: {len(found)} blocks differ")
        for first, own, theirs in found[:400]:
            at = next((i for i, (a, b) in enumerate(zip(own, theirs)) if a != b), min(len(own), len(theirs)))
            print(f"  U+{first:04X}: {ascii(own[max(at - 8, 0):at + 12])} where the package has "
                  f"{ascii(theirs[max(at - 8, 0):at + 12])}")
    print(f"{sum(map(len, different.values()))} of {total} results differ")
    sys.exit(bool(different))


if __name__ == "__main__":
    if sys.argv[1:] == ["make-fixture"]:
        make_fixture()
    elif len(sys.argv) == 3 and sys.argv[1] == "compare":
        compare(sys.argv[2])
    else:
        sys.exit(__doc__)
