"""Canonical values, from section 3 of docs/PACK.md. Of UTS #46 only as much as the vectors need.

    python3 canonical.py canonical.json
"""
import ipaddress
import json
import re
import sys
import unicodedata

WEB = {"http": "80", "https": "443", "ftp": "21", "ws": "80", "wss": "443"}
UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
PATH, QUERY = frozenset(b" \"#<>?^`{}\x7f"), frozenset(b" \"#<>'\x7f")
MARKS = {"re", "aw", "fwd", "إعادة"}  # those of the vectors
GATEWAYS = {"external", "spam"}


def domain(s):
    if not re.fullmatch(r"[A-Za-z0-9._-]+", s) or "xn--" in s.lower():
        s = re.sub("[。．｡]", ".", unicodedata.normalize("NFC", s.lower()))
        s = ".".join(l if l.isascii() else "xn--" + l.encode("punycode").decode() for l in s.split("."))
    return s.lower().removesuffix(".")


def encode(s, special):
    raw, out, n = s.encode(), "", 0
    while n < len(raw):
        c, triplet = raw[n], re.match(rb"%([0-9A-Fa-f]{2})", raw[n:])
        if triplet:
            byte = int(triplet[1], 16)
            out += chr(byte) if byte in UNRESERVED else f"%{byte:02X}"
            n += 2
        elif c == 0x25:
            out += "%25"
        else:
            out += f"%{c:02X}" if c >= 0x80 or c in special else chr(c)
        n += 1
    return out


def dots(path):
    out = []
    parts = path.split("/")[1:]
    for n, part in enumerate(parts):
        if part == "..":
            out = out[:-1]
        elif part != ".":
            out.append(part)
        if part in (".", "..") and n == len(parts) - 1:
            out.append("")
    return "/" + "/".join(out)


def host(s):
    if s.startswith("["):
        return "[" + str(ipaddress.ip_address(s[1:-1])) + "]"
    s = domain(s)
    if re.fullmatch(r"0x[0-9a-f]*|[0-9]+", s.split(".")[-1]):
        parts = [int(p, 0) for p in s.split(".")]
        s = str(ipaddress.ip_address(parts[-1] + sum(p << 8 * (3 - n) for n, p in enumerate(parts[:-1]))))
    return s


def url(s):
    s = re.sub("[\t\r\n]", "", s.strip("".join(map(chr, range(33)))))
    scheme, rest = s.split(":", 1)
    scheme, rest = scheme.lower(), rest.split("#", 1)[0]
    if scheme in WEB:
        before, mark, query = rest.partition("?")
        rest = before.replace("\\", "/").lstrip("/") + mark + query
    elif rest.startswith("//"):
        rest = rest[2:]
    else:
        path, _, query = rest.partition("?")
        return scheme + ":" + encode(path, PATH) + ("?" + encode(query, QUERY) if query else "")
    authority, tail = re.fullmatch(r"([^/?]*)(.*)", rest).groups()
    authority = authority.rsplit("@", 1)[-1]
    port = ""
    if m := re.fullmatch(r"(.*):0*(\d*)", authority):
        authority, port = m.groups()
    port = "" if port in ("", WEB.get(scheme)) else ":" + port
    path, _, query = tail.partition("?")
    path = dots(encode(path, PATH)) if path else "/"
    return ("" if scheme in ("http", "https") else scheme + ":") + "//" + host(authority) + port + path + ("?" + encode(query, QUERY) if query else "")


def email(s):
    if m := re.search(r"<([^<]*)>$", s.strip()):
        s = m[1].strip()
    local, at = s.rsplit("@", 1)
    if re.fullmatch(r'"[^ ()<>\[\]:;@\\,"]+"', local):
        local = local[1:-1]
    at = "[" + ip(re.sub("^ipv6:", "", at[1:-1], flags=re.I)) + "]" if at.startswith("[") else domain(at)
    return unicodedata.normalize("NFC", local.lower()) + "@" + at


def ip(s):
    a = ipaddress.ip_address(s)
    return str(getattr(a, "ipv4_mapped", None) or a)


def subject(s):
    for _ in range(4):
        before = s
        s = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", s).casefold())
        s = "".join(c for c in s if c in "\t\r\n" or unicodedata.category(c) not in ("Cf", "Cc"))
        s = " ".join(s.split())
        if s == before:
            break
    while True:
        reply = re.match(r"([^:]*?)\s*(?:[\[(^*][\[\]()^*0-9 ]*)?:\s*", s)
        gateway = re.match(r"[\[({*<][\[({*<! ]*([^])}*>]+)[])}*>]+[!?: -]*", s)
        if reply and reply[1] in MARKS:
            s = s[reply.end():]
        elif gateway and gateway[1].strip(" !?:-") in GATEWAYS and s[gateway.end():]:
            s = s[gateway.end():]
        else:
            return s


def canonical(kind, raw):
    if kind == "url" and raw.endswith("/*"):
        return "under", url(raw[:-1])
    if kind == "email" and raw.startswith("@"):
        return "at", domain(raw[1:])
    if kind == "cidr":
        return "network", str(ipaddress.ip_network(raw, strict=False))
    forms = {
        "domain": domain, "url": url, "email": email, "ip": ip, "subject": subject,
        "hash": lambda s: re.sub("[: ]", "", re.sub("^(sha-?(1|256|384|512)|md5):", "", s.strip().lower())),
        "message-id": lambda s: "".join(re.sub(".*<([^>]*)>.*", r"\1", s).split()),
        "filename": lambda s: unicodedata.normalize("NFC", s).lower(),
    }
    return kind, forms[kind](raw)


def check(path):
    vectors = json.loads(path.read_text())
    for v in vectors:
        assert canonical(v["type"], v["raw"]) == (v["kind"], v["value"]), (v, canonical(v["type"], v["raw"]))
    print(len(vectors), "ways of writing")


if __name__ == "__main__":
    import pathlib
    check(pathlib.Path(sys.argv[1]))
