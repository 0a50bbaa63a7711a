package campaigns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"portcullis.example/portcullis"
)

// Items are stored packed, for each placement reads dozens of them. The first byte is the
// version; numbers are varints, texts have their length before them.
const packedVersion = 1

func (p *profile) pack() []byte {
	b := make([]byte, 0, 512+4*(len(p.text)+len(p.structure))+48*len(p.feats))
	b = append(b, packedVersion, flag(p.echo))
	b = appendText(b, p.sensor)
	b = binary.AppendUvarint(b, uint64(p.words))
	b = appendSignature(b, p.text)
	b = appendSignature(b, p.structure)
	b = binary.AppendUvarint(b, uint64(len(p.people)))
	for _, id := range p.people {
		b = appendText(b, string(id))
	}
	b = binary.AppendUvarint(b, uint64(len(p.findings)))
	for _, f := range p.findings {
		b = appendText(appendText(appendText(b, string(f.ID)), f.Rule), f.Technique)
		b = append(b, byte(f.Severity), byte(f.Attention))
	}
	b = binary.AppendUvarint(b, uint64(len(p.feats)))
	for _, f := range p.feats {
		b = appendText(appendText(appendText(b, f.role.word), string(f.obs.Type)), f.obs.Value)
	}
	return b
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendSignature(b []byte, s []uint32) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	for _, v := range s {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// unpack reads what pack wrote.
func unpack(body []byte) (*profile, error) {
	if len(body) < 2 || body[0] != packedVersion {
		return nil, errors.New("a stored item is not in a form that this version reads")
	}
	r := &unpacker{b: body[2:]}
	p := &profile{echo: body[1] == 1, sensor: r.text(), words: r.count(1 << 30)}
	p.text, p.structure = r.signature(), r.signature()
	for range r.count(maxPeople) {
		p.people = append(p.people, portcullis.ID(r.text()))
	}
	for range r.count(maxFindings) {
		f := FindingRef{ID: portcullis.ID(r.text()), Rule: r.text(), Technique: r.text()}
		f.Severity, f.Attention = portcullis.Severity(r.byte()), portcullis.Attention(r.byte())
		p.findings = append(p.findings, f)
	}
	for range r.count(maxFeatures) {
		f := feat{role: roleOf(r.text()), obs: portcullis.Observable{Type: portcullis.ObservableType(r.text()), Value: r.text()}}
		f.key = keyOf(f.obs)
		p.feats = append(p.feats, f)
	}
	return p, r.err
}

type unpacker struct {
	b   []byte
	err error
}

var errPacked = errors.New("a stored item is damaged; restore a backup, or scan the mail again")

func (r *unpacker) count(most int) int {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > uint64(most) {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return int(n)
}

func (r *unpacker) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w (%d bytes before its end)", errPacked, len(r.b))
	}
	r.b = nil
}

func (r *unpacker) take(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *unpacker) text() string { return string(r.take(r.count(1 << 20))) }

func (r *unpacker) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *unpacker) signature() []uint32 {
	n := r.count(maxSignature)
	raw := r.take(4 * n)
	if len(raw) == 0 {
		return nil
	}
	s := make([]uint32, n)
	for i := range s {
		s[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return s
}

// storable drops what a text column of PostgreSQL does not take.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "")
}
