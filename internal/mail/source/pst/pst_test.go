package pst_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/source/pst"
	"portcullis.example/portcullis/internal/mail/source/pst/psttest"
)

func small(form psttest.Form, crypt byte) psttest.Mailbox {
	box := psttest.Mailbox{Form: form, Crypt: crypt, Name: "Invented", Header: "x-invented"}
	for f := range 3 {
		folder := psttest.Folder{Name: fmt.Sprint("Folder ", f)}
		for m := range 20 {
			folder.Messages = append(folder.Messages, psttest.Message{
				Subject: fmt.Sprint("Subject ", f, " ", m), Plain: strings.Repeat("text ", 10*m), From: "ann@example.com",
				Recipients:  []psttest.Recipient{{Address: "bob@example.org", Kind: 1}},
				Attachments: []psttest.Attachment{{Name: "a.bin", Data: bytes.Repeat([]byte{byte(m)}, 1000*m)}},
			})
		}
		box.Folders = append(box.Folders, folder)
	}
	return box
}

// tally is what was read of a file.
type tally struct {
	messages, whole int
	bytes           int64
	damages         []*pst.Damage
}

// readAll reads everything in a file.
func readAll(b []byte) (n tally, err error) {
	f, err := pst.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return n, err
	}
	_, _ = f.Store()
	_, _ = f.HeaderNames()
	f.Messages(func(e pst.Entry) bool {
		n.messages++
		if n.read(f, e, 0) == nil {
			n.whole++
		}
		n.damages = append(n.damages, f.Damages()...)
		return true
	})
	n.damages = append(n.damages, f.Damages()...)
	return n, nil
}

func (n *tally) read(f *pst.File, e pst.Entry, depth int) error {
	_, missing := f.Folder(e.Folder)
	m, err := f.Open(e)
	if m == nil {
		return err
	}
	return errors.Join(missing, err, n.message(m, depth))
}

const limit = 1 << 20

func (n *tally) message(m *pst.Message, depth int) error {
	failed := n.properties(m.Properties)
	for _, r := range m.Recipients {
		failed = errors.Join(failed, n.properties(r))
	}
	err := m.Attachments(func(a *pst.Attachment, err error) bool {
		failed = errors.Join(failed, err)
		if a == nil {
			return true
		}
		failed = errors.Join(failed, n.properties(a.Properties))
		b, err := a.Object(limit)
		n.bytes += int64(len(b))
		inner, missing := a.Embedded()
		failed = errors.Join(failed, err, missing)
		if inner != nil && depth < 4 {
			failed = errors.Join(failed, n.message(inner, depth+1))
		}
		return true
	})
	return errors.Join(failed, err)
}

func (n *tally) properties(p *pst.Properties) (failed error) {
	for _, tag := range p.Tags() {
		p.Fixed(tag)
		b, err := p.Bytes(tag, limit)
		n.bytes += int64(len(b))
		failed = errors.Join(failed, err)
	}
	return failed
}

func TestOpenRefuses(t *testing.T) {
	whole := psttest.Write(small(psttest.Unicode, 0))
	change := func(at int, b byte) []byte {
		c := bytes.Clone(whole)
		c[at] = b
		return c
	}
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"protected":     {psttest.Write(small(psttest.Unicode, 0x10)), pst.ErrProtected},
		"address book":  {append([]byte("!BDN0000AB"), make([]byte, 600)...), pst.ErrAddresses},
		"version":       {change(10, 99), pst.ErrFormat},
		"encoding":      {change(513, 7), pst.ErrFormat},
		"head only":     {whole[:300], pst.ErrFormat},
		"another magic": {change(0, '?'), pst.ErrFormat},
	} {
		if _, err := pst.Open(bytes.NewReader(c.b), int64(len(c.b))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// TestDamage breaks one place after another and reads what is left: nothing
// panics, nothing runs on, and each loss comes with a place or an error.
func TestDamage(t *testing.T) {
	for form := range psttest.Large + 1 {
		whole := psttest.Write(small(form, 1))
		sound, err := readAll(whole)
		if err != nil || sound.messages != 60 || sound.whole != 60 || len(sound.damages) > 0 {
			t.Fatalf("form %d: %+v, %v", form, sound, err)
		}
		step := len(whole)/60 | 1
		least := 60
		for at := 0x4400; at < len(whole); at += step {
			b := bytes.Clone(whole)
			for i := range min(8, len(b)-at) {
				b[at+i] ^= 0xff
			}
			n, err := readAll(b)
			if err != nil {
				t.Fatalf("form %d at %d: %v", form, at, err)
			}
			if n.bytes < sound.bytes && n.whole == 60 && len(n.damages) == 0 {
				t.Fatalf("form %d at %d: %d bytes of %d, and nobody says so", form, at, n.bytes, sound.bytes)
			}
			least = min(least, n.messages)
		}
		t.Logf("form %d: of 60 messages at least %d were found behind one broken place", form, least)
	}
}

// TestBrokenTrees breaks the roots of both trees: all that they lead to is found without them.
func TestBrokenTrees(t *testing.T) {
	for form := range psttest.Large + 1 {
		whole := psttest.Write(small(form, 1))
		sound, _ := readAll(whole)
		page := 512
		if form == psttest.Large {
			page = 4096
		}
		for _, at := range roots(whole) {
			b := bytes.Clone(whole)
			clear(b[at : at+page])
			n, err := readAll(b)
			whole := n.messages == 60 && n.bytes == sound.bytes || form == psttest.Large // there the root is the only page
			if err != nil || !whole || len(n.damages) == 0 {
				t.Errorf("form %d: %d messages, %d of %d bytes, %d damages, %v", form, n.messages, n.bytes, sound.bytes, len(n.damages), err)
			}
		}
	}
}

func roots(b []byte) [2]int {
	if binary.LittleEndian.Uint16(b[10:]) < 16 {
		return [2]int{int(binary.LittleEndian.Uint32(b[188:])), int(binary.LittleEndian.Uint32(b[196:]))}
	}
	return [2]int{int(binary.LittleEndian.Uint64(b[224:])), int(binary.LittleEndian.Uint64(b[240:]))}
}

func TestCutOff(t *testing.T) {
	whole := psttest.Write(small(psttest.Unicode, 2))
	for n := 600; n < len(whole); n += len(whole) / 50 {
		got, err := readAll(whole[:n])
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, d := range got.damages {
			said = said || strings.Contains(d.What, "cut off")
		}
		if !said {
			t.Fatalf("%d of %d bytes: nobody says that it is cut off: %v", n, len(whole), got.damages)
		}
	}
}

// TestEndless makes trees that lead back to themselves, with checksums that are right.
func TestEndless(t *testing.T) {
	box := small(psttest.Unicode, 0)
	box.Fanout = 2
	whole := psttest.Write(box)
	le := binary.LittleEndian
	root := int(le.Uint64(whole[224:]))
	number := le.Uint64(whole[216:])
	for at := 0x4400; at+512 <= len(whole); at += 512 {
		if whole[at+496] != 0x81 || whole[at+497] != 0x81 || whole[at+491] == 0 {
			continue
		}
		for entry := range int(whole[at+488]) { // each inner page leads to the root
			b := bytes.Clone(whole)
			le.PutUint64(b[at+24*entry+8:], number)
			le.PutUint64(b[at+24*entry+16:], uint64(root))
			le.PutUint32(b[at+500:], ^crc32.Update(0xffffffff, crc32.IEEETable, b[at:at+496]))
			n, err := readAll(b)
			if err != nil || len(n.damages) == 0 || n.messages > 60 {
				t.Fatalf("at %d: %+v, %v", at, n, err)
			}
		}
	}
}

// TestManyPieces reads a property that states the same block again and again.
func TestManyPieces(t *testing.T) {
	box := psttest.Mailbox{Folders: []psttest.Folder{{Messages: []psttest.Message{{Subject: "x", Plain: strings.Repeat("many blocks ", 100_000)}}}}}
	b := psttest.Write(box)
	got, err := readAll(b)
	if err != nil || got.bytes < limit || got.bytes > 2*limit {
		t.Fatalf("%+v, %v", got, err)
	}
}

// failing is a disk that breaks.
type failing struct{ at int64 }

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off >= f.at {
		return 0, io.ErrClosedPipe
	}
	return copy(p, make([]byte, len(p))), nil
}

func TestDiskFails(t *testing.T) {
	if _, err := pst.Open(failing{0}, 1<<20); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

// FuzzPST changes places of a small file: each patch is an offset behind the
// header and four bytes. Whole files as input would leave the fuzzer no time for anything else.
func FuzzPST(f *testing.F) {
	var seeds [][]byte
	for form := range psttest.Large + 1 {
		seeds = append(seeds, psttest.Write(psttest.Mailbox{Form: form, Crypt: byte(form), Header: "x", Fanout: 2, Folders: []psttest.Folder{{Name: "a", Messages: []psttest.Message{{
			Subject: "s", Plain: "p", Recipients: []psttest.Recipient{{Name: "n"}},
			Attachments: []psttest.Attachment{{Name: "x", Message: &psttest.Message{Subject: "i"}}, {Name: "o", Object: []byte("o")}},
		}}}}}))
		f.Add(byte(form), []byte{0, 0, 1, 2, 3, 4, 16, 32, 0xff, 0xff, 0xff, 0xff})
	}
	f.Fuzz(func(t *testing.T, form byte, patches []byte) {
		b := bytes.Clone(seeds[int(form)%len(seeds)])
		for ; len(patches) >= 6; patches = patches[6:] {
			at := 0x4400 + 4*int(binary.LittleEndian.Uint16(patches))%(len(b)-0x4400-4)
			copy(b[at:], patches[2:6])
		}
		mend(b)
		if n, err := readAll(b); err != nil || n.messages > len(b) {
			t.Fatalf("%d messages in %d bytes, %v", n.messages, len(b), err)
		}
	})
}

// mend makes the checksums right again, so that the fuzzer gets beyond them.
func mend(b []byte) {
	if len(b) < 564 {
		return
	}
	size, trailer := 512, 16
	switch v := binary.LittleEndian.Uint16(b[10:]); {
	case v < 16:
		trailer = 12
	case v >= 36:
		size, trailer = 4096, 24
	}
	for at := 0x4400 / size * size; at+size <= len(b); at += size {
		tail := b[at+size-trailer : at+size]
		if tail[0] != tail[1] || tail[0]&^1 != 0x80 {
			continue
		}
		sum := ^crc32.Update(0xffffffff, crc32.IEEETable, b[at:at+size-trailer])
		if trailer == 12 {
			binary.LittleEndian.PutUint32(tail[8:], sum)
		} else {
			binary.LittleEndian.PutUint32(tail[4:], sum)
		}
	}
}
