package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func gz(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	must(t, err)
	must(t, w.Close())
	return b.String()
}

func zst(t testing.TB, s string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	must(t, err)
	return string(w.EncodeAll([]byte(s), nil))
}

// named is a member; archives keep their order.
type named struct{ name, content string }

func zipped(t testing.TB, members ...named) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m.name)
		must(t, err)
		_, err = io.WriteString(f, m.content)
		must(t, err)
	}
	must(t, w.Close())
	return b.String()
}

func tarred(t testing.TB, members ...named) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		must(t, w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.content)), Typeflag: tar.TypeReg}))
		_, err := io.WriteString(w, m.content)
		must(t, err)
	}
	must(t, w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/hosts", Typeflag: tar.TypeSymlink}))
	must(t, w.Close())
	return b.String()
}

// bz2 is an mbox of one message, packed by bzip2: the standard library only unpacks it.
const bz2 = "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9e\x1c\x09\xff\x00\x00\x14\xdf\x80\x00\x10\x40\x01\x74\x10\x41\x12\x0c\x00\x3b\x97\xd6\x40\x20\x00\x54\x24\xa8\xd0\xd0\x06\x99\x00\xcd\x41\xa2\x65\x1e\x9a\x86\x80\xd3\xd4\x01\xa2\x34\x2d\x78" +
	"\x67\x74\x5b\xd8\xfc\x38\xc0\x06\x41\x49\x3d\xc5\x24\x9f\x4e\xa2\x20\x62\x26\x0c\x8c\x7c\x55\xad\xa5\xb4\x49\xa9\xf4\xbe\x83\x1b\x32\x72\x80\x54\xad\xd1\x9e\x51\xc6\xa7\x29\xe5\x09\x5e\xd1\x0f\xc5\xdc\x91\x4e\x14\x24\x27\x87\x02\x7f\xc0"

func TestPacked(t *testing.T) {
	box := fromA + eml("one") + "\n" + fromA + eml("two")
	members := []named{{"inbox/1.eml", eml("one")}, {"all.mbox", box}, {"__MACOSX/._1.eml", "\x00"}, {"Maildir/cur/1700000000.a.host:2,S", eml("m")},
		{"Maildir/tmp/1700000001.a.host", eml("half")}, {"../../etc/x.eml", eml("up")}, {"n\xff\x07.eml", eml("odd")}}
	labels := []string{"!inbox/1.eml", "!all.mbox", "!all.mbox", "!Maildir/cur/1700000000.a.host:2,S", "!etc/x.eml", "!n\uFFFD\x07.eml"}
	boxes := []string{"/inbox", "/all", "/all", "/Maildir", "/etc", ""}
	for name, c := range map[string]struct {
		content string
		labels  []string
		boxes   []string
	}{
		"a.mbox.gz":  {gz(t, box), []string{"", ""}, []string{"a", "a"}},
		"a.mbox.zst": {zst(t, box), []string{"", ""}, []string{"a", "a"}},
		"a.gz":       {gz(t, fromA+eml("one")) + gz(t, "\n"+fromA+eml("two")), []string{"", ""}, []string{"a", "a"}},
		"a.mbox.bz2": {bz2, []string{""}, []string{"a"}},
		"a.eml.gz":   {gz(t, eml("one")), []string{""}, []string{"x"}},
		"a.zip":      {zipped(t, members...), labels, boxes},
		"a.tar":      {tarred(t, members...), labels, boxes},
		"a.tar.gz":   {gz(t, tarred(t, members...)), labels, boxes},
		"a.tgz":      {zst(t, tarred(t, members...)), labels, boxes},
		"b.zip":      {zipped(t, named{"c.zip", zipped(t, named{"d.mbox.gz", gz(t, box)})}), []string{"!c.zip!d.mbox.gz", "!c.zip!d.mbox.gz"}, []string{"b/c/d", "b/c/d"}},
	} {
		root := tree(t, map[string]string{"x/" + name: c.content})
		g := walk(t, Config{}, filepath.Join(root, "x"))
		var labels, boxes, got []string
		for i := range c.labels {
			labels = append(labels, name+c.labels[i])
			boxes = append(boxes, strings.TrimSuffix(strings.Replace(c.boxes[i], "/", stem(name)+"/", strings.Count(c.boxes[i], "/")&1), "/"))
		}
		for _, item := range g.items {
			got = append(got, item.Mailbox)
		}
		for i := range boxes {
			if boxes[i] == "" {
				boxes[i] = stem(name)
			}
			if name == "b.zip" {
				boxes[i] = "b/c/d"
			}
		}
		equal(t, name, g.sources(), labels)
		equal(t, name+" mailboxes", got, boxes)
		if len(g.problems) > 0 || len(g.finished) != 1 {
			t.Errorf("%s: problems %v, finished %v", name, g.problems, g.finished)
		}
		// The same through standard input, where a zip has no random access.
		in := walk(t, Config{Stdin: strings.NewReader(c.content), TempDir: t.TempDir()}, "-")
		equal(t, name+" on standard input", in.raws(), g.raws())
		if len(in.problems) > 0 || in.items[0].Source != "-"+c.labels[0] {
			t.Errorf("%s on standard input: %v %q", name, in.problems, in.sources())
		}
	}
}

// TestDamagedArchives: what is readable is read, each fault is one Problem.
func TestDamagedArchives(t *testing.T) {
	box := fromA + eml("one") + "\n" + fromA + eml("two") + "\n" + fromA + eml(strings.Repeat("three ", 10_000))
	whole := gz(t, box)
	encrypted := []byte(zipped(t, named{"1.eml", eml("secret")}, named{"2.eml", eml("open")}))
	for _, sign := range []string{"PK\x03\x04", "PK\x01\x02"} {
		at := bytes.Index(encrypted, []byte(sign))
		encrypted[at+map[byte]int{3: 6, 1: 8}[sign[2]]] |= zipEncrypted
	}
	broken := []byte(zipped(t, named{"1.eml", eml(strings.Repeat("x", 5000))}, named{"2.eml", eml("whole")}))
	copy(broken[40:], "\xff\xff\xff\xff")
	members := tarred(t, named{"1.eml", eml("one")}, named{"2.eml", eml(strings.Repeat("two ", 5000))})
	for name, c := range map[string]struct {
		content  string
		items    int
		problem  string
		finished int
	}{
		"cut.gz":        {whole[:len(whole)-40], 3, "cut off", 0},
		"cut head.gz":   {whole[:5], 0, "cut off", 0},
		"checksum.gz":   {whole[:len(whole)-8] + "\x00\x00\x00\x00" + whole[len(whole)-4:], 3, "damaged", 0},
		"cut.zst":       {zst(t, box)[:100], -1, "cut off", 0},
		"cut.zip":       {zipped(t, named{"1.eml", eml("one")})[:90], 0, "zip -FF", 0},
		"encrypted.zip": {string(encrypted), 1, "password", 0},
		"broken.zip":    {string(broken), -1, "damaged", 0},
		"cut.tar":       {members[:3000], 2, "cut off", 0},
		"cut.tar.gz":    {gz(t, members[:3000]), 2, "cut off", 0},
		"a.pst":         {"!BDN\x00\x00", 0, "export", 0},
		"a.7z":          {"7z\xbc\xaf\x27\x1c\x00", 0, "zip", 0},
	} {
		g := walk(t, Config{}, tree(t, map[string]string{name: c.content, "zz.eml": eml("last")}))
		if c.items >= 0 && len(g.items) != c.items+1 || len(g.problems) != 1 || !strings.Contains(g.problems[0].Error(), c.problem) ||
			!strings.HasPrefix(g.problems[0].Source, name) || len(g.finished) != 1 {
			t.Errorf("%s: %d items, problems %v, finished %v", name, len(g.items), g.problems, g.finished)
		}
	}
}

// TestCutAnywhere cuts packed mail at every byte. It is never called something
// else than mail cut off, the place is named, and what came out is read.
func TestCutAnywhere(t *testing.T) {
	whole := "Return-Path: <a@example.org>\n" + eml("one")
	for name, content := range map[string]string{"a.eml.gz": gz(t, whole), "a.gz": gz(t, whole) + gz(t, "more\n"), "a.eml.zst": zst(t, whole)} {
		read := 0
		for cut := 10; cut < len(content); cut++ {
			g := walk(t, Config{}, tree(t, map[string]string{name: content[:cut]}))
			if len(g.problems) == 0 {
				if name != "a.gz" || len(g.items) != 1 || string(g.items[0].Raw) != whole {
					t.Errorf("%s cut at %d: no problem, %d items", name, cut, len(g.items))
				}
				continue // between two members of a gzip file
			}
			err := g.problems[0].Error()
			if want := fmt.Sprintf("stream ends early, at byte %d of the packed file: the file is cut off", cut); len(g.problems) != 1 || !strings.Contains(err, want) {
				t.Errorf("%s cut at %d: %v", name, cut, g.problems)
			}
			for _, item := range g.items {
				read++
				if raw := string(item.Raw); !strings.HasPrefix(whole+"more\n", raw) {
					t.Errorf("%s cut at %d: %q", name, cut, raw)
				}
			}
		}
		if read == 0 && name != "a.eml.zst" {
			t.Errorf("%s: nothing was read of any", name)
		}
	}
}

func TestBounds(t *testing.T) {
	nested := eml("deep")
	for range 6 {
		nested = gz(t, nested)
	}
	bomb := gz(t, fromA+"Subject: bomb\n\n"+strings.Repeat("\n", 150<<20))
	many := zipped(t, named{"1.eml", eml("1")}, named{"2.eml", eml("2")}, named{"3.eml", eml("3")})
	for name, c := range map[string]struct {
		content string
		cfg     Config
		items   int
		problem string
	}{
		"deep.gz":     {nested, Config{}, 0, "layers deep"},
		"bomb.gz":     {bomb, Config{MaxMessage: 1 << 20}, 1, "archive bomb"},
		"sum.zip":     {zipped(t, named{"1.eml", eml("1")}, named{"2.eml", eml(strings.Repeat("x", 9000))}, named{"3.eml", eml("3")}), Config{MaxExpand: 5000}, 2, "archive bomb"},
		"many.zip":    {many, Config{MaxMembers: 2}, 0, "more than 2 members"},
		"many.tar":    {tarred(t, named{"1.eml", eml("1")}, named{"2.eml", eml("2")}), Config{MaxMembers: 1}, 1, "more than 1 members"},
		"temp.zip.gz": {gz(t, many), Config{MaxTemp: 50, TempDir: t.TempDir()}, 0, "file of its own"},
		"large.msg":   {string(inventUnicode().c.bytes()), Config{MaxMessage: 4000}, 0, "in smaller pieces"},
		"large.eml":   {eml(strings.Repeat("x", 2000)), Config{MaxMessage: 1000}, 1, "in smaller pieces"},
	} {
		g := walk(t, c.cfg, tree(t, map[string]string{name: c.content}))
		all := ""
		for _, p := range g.problems {
			all += p.Error()
		}
		if len(g.items) != c.items || len(g.problems) == 0 || !strings.Contains(all, c.problem) {
			t.Errorf("%s: %d items, problems %v", name, len(g.items), g.problems)
		}
	}
}

// TestQuine reads a gzip file that unpacks to itself, written by hand: a zip
// that holds itself is told by the same bound on depth.
func TestQuine(t *testing.T) {
	zipInZip := zipped(t, named{"1.eml", eml("1")})
	for range 8 {
		zipInZip = zipped(t, named{"0.eml", eml("0")}, named{"r.zip", zipInZip})
	}
	g := walk(t, Config{TempDir: t.TempDir()}, tree(t, map[string]string{"r.zip": zipInZip}))
	if len(g.items) != 4 || len(g.problems) != 1 || !strings.Contains(g.problems[0].Source, "!r.zip!r.zip!r.zip!r.zip") {
		t.Errorf("%q %v", g.sources(), g.problems)
	}
}

// TestOverlappingMembers makes a zip whose members all share the same bytes.
func TestOverlappingMembers(t *testing.T) {
	content := []byte(eml(strings.Repeat("overlap ", 100)))
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateRaw(&zip.FileHeader{Name: "1.eml", Method: zip.Store, CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(len(content))})
	must(t, err)
	_, err = f.Write(content)
	must(t, err)
	must(t, w.Close())
	whole := b.Bytes()
	at := bytes.Index(whole, []byte("PK\x01\x02"))
	end := bytes.Index(whole, []byte("PK\x05\x06"))
	directory := bytes.Repeat(whole[at:end], 1000)
	tail := append([]byte(nil), whole[end:]...)
	binary.LittleEndian.PutUint16(tail[8:], 1000)
	binary.LittleEndian.PutUint16(tail[10:], 1000)
	binary.LittleEndian.PutUint32(tail[12:], uint32(len(directory)))
	file := append(append(append([]byte(nil), whole[:at]...), directory...), tail...)
	g := walk(t, Config{MaxExpand: 100_000}, tree(t, map[string]string{"o.zip": string(file)}))
	if len(g.items) < 50 || len(g.items) > 120 || len(g.problems) != 1 {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

func TestStandardInput(t *testing.T) {
	g := walk(t, Config{Stdin: io.MultiReader(strings.NewReader(fromA+eml("1")+"\n"+fromA+eml("2")), failingReader{})}, "-", "-")
	if len(g.items) != 2 || len(g.problems) != 2 || !strings.Contains(g.problems[0].Error(), "the disk is gone") {
		t.Errorf("%d items, %v", len(g.items), g.problems)
	}
	if files, _ := os.ReadDir(os.TempDir()); len(files) > 0 {
		for _, f := range files {
			if strings.HasPrefix(f.Name(), "portcullis-packed-") {
				t.Errorf("left behind: %s", f.Name())
			}
		}
	}
}
