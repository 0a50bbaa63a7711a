package attach

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
)

// pdfCrypt decrypts with the empty user password (ISO 32000-1 §7.6, ISO 32000-2
// for revision 6). Documents that are only locked against editing open with it,
// and hide their addresses from whoever does not try.
type pdfCrypt struct {
	key      []byte
	aes      bool
	direct   bool // revision 5 and 6 use the key itself, not one per object
	identity bool
}

var pdfPadding = []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")

// encryption reads the encryption dictionary and tries the empty password. It
// tells whether the document can be read.
func (p *pdfFile) encryption() bool {
	enc := p.dict(p.trailer["Encrypt"])
	if enc == nil {
		return true
	}
	crypt, ok := p.emptyPassword(enc)
	if !ok {
		p.in.r.Encrypted = true
		p.in.trait(p.c, KindEncryptedDocument, "PDF that needs a password")
		p.in.incomplete("%s: encrypted, a password is needed", p.c.label())
		return false
	}
	p.crypt = crypt
	return true
}

func (p *pdfFile) emptyPassword(enc pdfDict) (*pdfCrypt, bool) {
	rev, bits := p.int(enc["R"], 0), p.int(enc["Length"], 40)
	c := &pdfCrypt{}
	if cf := p.dict(p.dict(enc["CF"])[pdfName("StdCF")]); cf != nil {
		switch cf["CFM"] {
		case pdfName("AESV2"):
			c.aes, bits = true, 128
		case pdfName("AESV3"):
			c.aes, c.direct = true, true
		case pdfName("V2"):
			bits = 128
		case pdfName("None"):
			c.identity = true
		}
	}
	o, _ := p.resolve(enc["O"]).(pdfString)
	u, _ := p.resolve(enc["U"]).(pdfString)
	if rev >= 5 {
		return c, c.modernKey(p, enc, u, rev)
	}
	if rev < 2 || len(o) < 32 || len(u) < 16 {
		return nil, false
	}
	n := 5
	if rev >= 3 {
		n = min(max(bits/8, 5), 16)
	}
	meta, isBool := p.resolve(enc["EncryptMetadata"]).(pdfWord)
	c.key = legacyKey(o, uint32(int32(p.int(enc["P"], 0))), p.fileID(), n, rev, isBool && meta == "false")
	return c, legacyCheck(c.key, u, p.fileID(), rev)
}

func (p *pdfFile) fileID() []byte {
	if ids := p.list(p.trailer["ID"]); len(ids) > 0 {
		id, _ := p.resolve(ids[0]).(pdfString)
		return id
	}
	return nil
}

// legacyKey is algorithm 2 with an empty password.
func legacyKey(o []byte, perms uint32, id []byte, n, rev int, plainMeta bool) []byte {
	h := md5.New()
	h.Write(pdfPadding)
	h.Write(o[:32])
	h.Write(binary.LittleEndian.AppendUint32(nil, perms))
	h.Write(id)
	if rev >= 4 && plainMeta {
		h.Write([]byte{255, 255, 255, 255})
	}
	key := h.Sum(nil)
	if rev >= 3 {
		for range 50 {
			sum := md5.Sum(key[:n])
			key = sum[:]
		}
	}
	return key[:n]
}

// legacyCheck is algorithms 4 to 6: does the key make the user entry?
func legacyCheck(key, u, id []byte, rev int) bool {
	if rev == 2 {
		out := make([]byte, 32)
		rc4Apply(key, out, pdfPadding)
		return bytes.Equal(out, u[:min(len(u), 32)])
	}
	h := md5.New()
	h.Write(pdfPadding)
	h.Write(id)
	out := h.Sum(nil)
	for i := range 20 {
		k := bytes.Clone(key)
		for j := range k {
			k[j] ^= byte(i)
		}
		rc4Apply(k, out, out)
	}
	return bytes.Equal(out, u[:16])
}

func rc4Apply(key, dst, src []byte) {
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(dst, src)
	}
}

// modernKey is algorithm 2.A: check the empty password against the user entry
// and unwrap the key.
func (c *pdfCrypt) modernKey(p *pdfFile, enc pdfDict, u []byte, rev int) bool {
	ue, _ := p.resolve(enc["UE"]).(pdfString)
	if len(u) < 48 || len(ue) < 32 {
		return false
	}
	c.aes, c.direct = true, true
	if !bytes.Equal(modernHash(u[32:40], rev), u[:32]) {
		return false
	}
	block, err := aes.NewCipher(modernHash(u[40:48], rev))
	if err != nil {
		return false
	}
	c.key = make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(c.key, ue[:32])
	return true
}

// modernHash is algorithm 2.B for an empty password and no owner entry.
func modernHash(salt []byte, rev int) []byte {
	first := sha256.Sum256(salt)
	k := first[:]
	if rev < 6 {
		return k
	}
	for round := 0; ; round++ {
		block, err := aes.NewCipher(k[:16])
		if err != nil {
			return k[:32]
		}
		e := bytes.Repeat(k, 64)
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, e)
		mod := 0
		for _, b := range e[:16] {
			mod += int(b)
		}
		switch mod % 3 {
		case 0:
			s := sha256.Sum256(e)
			k = s[:]
		case 1:
			s := sha512.Sum384(e)
			k = s[:]
		default:
			s := sha512.Sum512(e)
			k = s[:]
		}
		if round >= 63 && int(e[len(e)-1]) <= round-31 {
			return k[:32]
		}
	}
}

// decrypt undoes the encryption of a string or stream of an object.
func (c *pdfCrypt) decrypt(num int, data []byte, stream bool) []byte {
	if c.identity {
		return data
	}
	key := c.key
	if !c.direct {
		h := md5.New()
		h.Write(key)
		h.Write([]byte{byte(num), byte(num >> 8), byte(num >> 16), 0, 0})
		if c.aes {
			h.Write([]byte("sAlT"))
		}
		key = h.Sum(nil)[:min(len(key)+5, 16)]
	}
	if !c.aes {
		out := make([]byte, len(data))
		rc4Apply(key, out, data)
		return out
	}
	return aesCBC(key, data)
}

// aesCBC decrypts what begins with its vector and ends in padding.
func aesCBC(key, data []byte) []byte {
	n := len(data) / 16 * 16
	block, err := aes.NewCipher(key)
	if err != nil || n < 32 {
		return nil
	}
	out := make([]byte, n-16)
	cipher.NewCBCDecrypter(block, data[:16]).CryptBlocks(out, data[16:n])
	if pad := int(out[len(out)-1]); pad >= 1 && pad <= 16 && pad <= len(out) {
		out = out[:len(out)-pad]
	}
	return out
}
