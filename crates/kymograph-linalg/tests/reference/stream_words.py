"""Prints the pinned first words of tests/suite/random.rs from the documented derivation, with a ChaCha of its own."""

import struct

MASK = 0xFFFFFFFF


def chacha(key, rounds, length):
    def rotate(x, k):
        return ((x << k) | (x >> (32 - k))) & MASK

    state = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + [0] * 4
    w = state[:]

    def quarter(a, b, c, d):
        for x, y, z, k in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[x] = (w[x] + w[y]) & MASK
            w[z] = rotate(w[z] ^ w[x], k)

    for _ in range(rounds // 2):
        for column in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            quarter(*column)
        for diagonal in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*diagonal)
    return struct.pack("<16I", *((a + b) & MASK for a, b in zip(w, state)))[:length]


def first_word(seed, purpose, index=None):
    text = purpose.encode()
    state = chacha(struct.pack("<4Q", seed, len(text), index is not None, index or 0), 20, 32)
    for start in range(0, len(text), 32):
        block = text[start : start + 32].ljust(32, b"\0")
        state = chacha(bytes(a ^ b for a, b in zip(state, block)), 20, 32)
    return struct.unpack("<Q", chacha(state, 8, 8))[0]


for name in (
    (0, ""),
    (0, "init"),
    (1, "init"),
    (2**64 - 1, "order"),
    (0, "init", 0),
    (0, "init", 1),
    (7, "a purpose that is longer than thirty-two bytes"),
):
    print(f"{first_word(*name):#018x}", name)
