"""Reads the test vectors with nothing but docs/PACK.md: another implementation, in another language.

    python3 check.py FOLDER        needs argon2-cffi and cryptography
"""
import base64
import hashlib
import hmac
import ipaddress
import json
import pathlib
import re
import struct
import sys

from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.dont_write_bytecode = True
import canonical  # beside this file

NONCE = bytes(12)


def verify(raw, verifier):
    """Section 1: a signed note. Returns its text."""
    name, key_hash, key = verifier.split("+", 2)
    key = base64.b64decode(key)
    assert key[0] == 1 and hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8] == key_hash
    text, signatures = raw.rsplit(b"\n\n", 1)
    text += b"\n"
    for line in signatures.decode().splitlines():
        dash, who, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if dash == "—" and who == name and signature[:4].hex() == key_hash:
            Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text)
            return text.decode()
    raise ValueError("not signed by " + verifier)


class Pack:
    """Section 2: header, entries, texts, filter."""

    def __init__(self, text):
        lines = text.split("\n")
        assert lines.pop() == "" and lines.pop(0) == "portcullis-pack/v1"
        self.header = {}
        while lines[0] != "entries":
            key, value = lines.pop(0).split(": ", 1)
            self.header[key] = value
        lines.pop(0)
        count = int(self.header["indicators"].removeprefix("at most "))
        entries = [base64.b64decode(lines.pop(0)) for _ in range(count)]
        assert entries == sorted(entries) and all(len(e) == 84 for e in entries)
        self.entries = {e[:16]: e[16:] for e in entries}
        assert len(self.entries) == count
        texts, size = map(int, self.header["texts"].split(" of "))
        if texts:
            assert lines.pop(0) == "texts"
        self.texts = [base64.b64decode(lines.pop(0)) for _ in range(texts)]
        assert all(len(t) == size + 16 for t in self.texts)
        self.slots = 0
        if self.header["filter"] != "none":
            self.slots = int(self.header["filter"].split(" ")[0])
            assert lines.pop(0) == "filter"
            self.filter = b"".join(base64.b64decode(l) for l in lines)
            lines = []
        assert not lines
        self.salt = base64.b64decode(self.header["salt"])
        m = re.fullmatch(r"argon2id 19 m=(\d+) t=(\d+) p=(\d+)", self.header["kdf"])
        self.memory, self.time, self.lanes = map(int, m.groups())

    def passes(self, kind, value):
        """Section 5."""
        digest = hmac.new(self.salt, b"portcullis-pack v1 filter\n" + f"{kind}\n{value}".encode(), "sha256").digest()
        slot = int.from_bytes(digest[:8], "big") % self.slots
        return slot, bool(self.filter[slot // 8] & (0x80 >> slot % 8))

    def secret(self, kind, value):
        """Section 3."""
        hashed = f"portcullis-pack v1\n{kind}\n{value}".encode()
        return hashed, hash_secret_raw(hashed, self.salt, self.time, self.memory, self.lanes, 32, Type.ID, 19)

    def open(self, secret):
        """Section 4."""
        tag = expand(secret, "tag")[:16]
        sealed = self.entries.get(tag)
        if sealed is None:
            return None
        plain = AESGCM(expand(secret, "entry")).decrypt(NONCE, sealed, tag)
        start, end, number = struct.unpack(">QQI", plain[:20])
        text = ""
        if number:
            body = AESGCM(plain[20:]).decrypt(NONCE, self.texts[number - 1], b"portcullis-pack v1 text")
            text = body[4:4 + struct.unpack(">I", body[:4])[0]].decode()
        return start, end, text


def expand(secret, what):
    """HKDF-Expand with SHA-256 (RFC 5869), one block."""
    return hmac.new(secret, b"portcullis-pack v1 " + what.encode() + b"\x01", "sha256").digest()


def inputs(pack, kind, value, sealed):
    """Section 6: what is tested for a value."""
    covered = pack.header["kinds"].split(" ")
    out = []
    if kind == "domain":
        labels = value.split(".")
        out.append(("domain", value))
        out += [("domain", ".".join(labels[n:])) for n in range(1, len(labels) - 1)]
    elif kind == "url":
        plain = re.sub(r"^https?://", "//", value)
        begin = 2 if plain.startswith("//") else 0
        if not sealed:
            out.append(("url", plain))
        out += [("under", plain[:m.end()]) for m in list(re.compile("/").finditer(plain, begin))[:16]]
    elif kind == "email":
        if not sealed:
            out.append(("email", value))
        out.append(("at", value.rsplit("@", 1)[1]))
    elif kind == "ip":
        out.append(("ip", value))
        address = ipaddress.ip_address(value)
        for length in pack.header.get("networks", "").split():
            family, bits = length.split("/")
            if int(family) == address.version:
                out.append(("network", str(ipaddress.ip_network(f"{value}/{bits}", strict=False))))
    elif kind == "cidr":
        out.append(("network", value))
    elif kind == "filename":
        out.append(("filename", value.lower()))
    elif not sealed:
        out.append((kind, value))
    return [f"{k} {v}" for k, v in out if k in covered]


def check(folder, vector):
    pack = Pack(verify((folder / vector["pack"]).read_bytes(), vector["verifier"]))
    assert pack.salt.hex() == vector["salt"]
    for i in vector["inputs"]:
        hashed, secret = pack.secret(i["kind"], i["value"])
        assert hashed.hex() == i["hashed"] and secret.hex() == i["secret"], i
        assert expand(secret, "tag")[:16].hex() == i["tag"] and expand(secret, "entry").hex() == i["entry_key"], i
        if pack.slots:
            assert pack.passes(i["kind"], i["value"]) == (i["filter_slot"], i["filter_passes"]), i
        opened = pack.open(secret)
        assert (opened is not None) == i["in_pack"], i
        if opened:
            assert opened[2] == i.get("text", ""), i
            assert (opened[0] != 0) == ("from" in i), i
    for v in vector["values"]:
        assert inputs(pack, v["type"], v["value"], v.get("sealed", False)) == v["inputs"], v
    print(f"{vector['pack']}: {len(vector['inputs'])} inputs, {len(vector['values'])} values agree")


def main():
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.glob("*.json")):
        if path.name == "canonical.json":
            canonical.check(path)
        else:
            check(folder, json.loads(path.read_text()))


main()
