#!/usr/bin/env python3
"""Paillier's encryption against python-paillier (phe), CKKS against TenSEAL.

    ask FOLDER            writes FOLDER/theirs.json: a key, ciphertexts and vectors, for EncryptionAgreementTests;
                          GRADLEAK_ENCRYPTION_EXCHANGE=FOLDER swift test --filter EncryptionAgreement answers with ours.json
    compare FOLDER        decrypts what gradleak encrypted, encrypts the same vectors with TenSEAL, compares and prints costs

    --values N            how long the vectors are that `ask` writes
    --clients N           how many there are

Needs the packages phe, tenseal and numpy.
"""

import argparse
import hashlib
import json
import pathlib
import random
import struct
import sys
import time

import numpy
import phe
import tenseal

DEGREE, SCALE, SLOTS = 8192, 2**40, 4096


def ask(folder, values, clients):
    public, secret = phe.paillier.generate_paillier_keypair(n_length=2048)
    draw = random.Random(1)
    plaintexts = [0, 1, public.n - 1] + [draw.randrange(public.n) for _ in range(5)]
    vectors = numpy.random.default_rng(1).normal(0, 0.01, (clients, values))
    theirs = {
        "p": format(secret.p, "x"),
        "q": format(secret.q, "x"),
        "plaintexts": [format(number, "x") for number in plaintexts],
        "ciphertexts": [format(public.raw_encrypt(number), "x") for number in plaintexts],
        "vectors": vectors.tolist(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "theirs.json").write_text(json.dumps(theirs))


def compare_paillier(theirs, ours):
    p, q = int(theirs["p"], 16), int(theirs["q"], 16)
    public = phe.paillier.PaillierPublicKey(p * q)
    secret = phe.paillier.PaillierPrivateKey(public, p, q)
    plaintexts = [int(number, 16) for number in theirs["plaintexts"]]
    decrypted = {
        name: [secret.raw_decrypt(int(number, 16)) for number in ours[name]]
        for name in ("byPublicKey", "bySecretKey", "sums")
    }
    assert decrypted["byPublicKey"] == plaintexts, "phe reads another plaintext (public key)"
    assert decrypted["bySecretKey"] == plaintexts, "phe reads another plaintext (secret key)"
    assert decrypted["sums"] == [2 * number % public.n for number in plaintexts], "phe reads another sum"
    assert ours["decrypted"] == theirs["plaintexts"], "gradleak reads another plaintext"

    start = time.perf_counter()
    numbers = [public.encrypt(value) for value in theirs["vectors"][0][:100]]
    middle = time.perf_counter()
    [secret.decrypt(number) for number in numbers]
    end = time.perf_counter()
    return (middle - start) / 100, (end - middle) / 100


def parameters_hash(primes):
    """SEAL's name of parameters: BLAKE2b over scheme (2 is CKKS), degree, primes and no plain modulus."""
    data = struct.pack(f"<{len(primes) + 3}Q", 2, DEGREE, *primes, 0)
    return list(struct.unpack("<4Q", hashlib.blake2b(data, digest_size=32).digest()))


def compare_ckks(theirs, ours):
    context = tenseal.context(
        tenseal.SCHEME_TYPE.CKKS, DEGREE, coeff_mod_bit_sizes=[60, 40, 40])
    context.global_scale = SCALE
    vectors = numpy.array(theirs["vectors"])
    start = time.perf_counter()
    encrypted = [
        [tenseal.ckks_vector(context, vector[i : i + SLOTS]) for i in range(0, len(vector), SLOTS)]
        for vector in vectors
    ]
    encrypting = (time.perf_counter() - start) / len(vectors)
    size = sum(len(part.serialize()) for part in encrypted[0])
    start = time.perf_counter()
    total = encrypted[0]
    for other in encrypted[1:]:
        total = [a + b for a, b in zip(total, other)]
    adding = time.perf_counter() - start
    start = time.perf_counter()
    decrypted = numpy.concatenate([part.decrypt() for part in total])
    decrypting = time.perf_counter() - start
    errors = decrypted - vectors.sum(0)

    # Fresh ciphertexts have lost the last prime, and the other two are gradleak's.
    first = encrypted[0][0].ciphertext()[0]
    assert first.coeff_modulus_size() == 2
    assert first.parms_id() == parameters_hash(ours["primes"][:2]), "TenSEAL takes other primes"
    cost = ours["costs"]["ckks"]
    relative = float(numpy.linalg.norm(errors) / numpy.linalg.norm(vectors.sum(0)))
    assert 0.8 < cost["relativeError"] / relative < 1.25, (cost["relativeError"], relative)
    assert cost["encryptedBytes"] < size, (cost["encryptedBytes"], size)
    return {
        "encryptedBytes": size,
        "encryptSeconds": encrypting,
        "addSeconds": adding,
        "decryptSeconds": decrypting,
        "largestError": float(numpy.abs(errors).max()),
        "relativeError": relative,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=["ask", "compare"])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--values", type=int, default=4500)
    parser.add_argument("--clients", type=int, default=2)
    options = parser.parse_args()
    if options.step == "ask":
        return ask(options.folder, options.values, options.clients)
    theirs = json.loads((options.folder / "theirs.json").read_text())
    ours = json.loads((options.folder / "ours.json").read_text())
    encrypting, decrypting = compare_paillier(theirs, ours)
    rows = dict(ours["costs"])
    rows["TenSEAL"] = compare_ckks(theirs, ours)
    print(f"{len(theirs['vectors'])} clients of {len(theirs['vectors'][0])} values")
    columns = ["encryptedBytes", "encryptSeconds", "addSeconds", "decryptSeconds", "largestError", "relativeError"]
    print(f"{'':14}" + "".join(f"{column:>16}" for column in columns))
    for name, row in rows.items():
        print(f"{name:14}" + "".join(f"{row[column]:16.4g}" for column in columns))
    print(
        f"phe, 2048 bits, a value in each ciphertext: {encrypting * 1e3:.1f} ms to encrypt a value, "
        f"{decrypting * 1e3:.1f} ms to decrypt it")


if __name__ == "__main__":
    sys.exit(main())
