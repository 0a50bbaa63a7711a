package attach

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sort"
	"strings"
	"testing"
	"unicode/utf16"
)

// Samples are built here, from nothing but what the formats say. No content is
// anybody's.

type file struct{ name, data string }

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range files {
		m, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write([]byte(f.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const contentTypes = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`

// docx builds a Word package with a body and further parts.
func docx(t testing.TB, body string, more ...file) []byte {
	t.Helper()
	return zipOf(t, append([]file{
		{"[Content_Types].xml", contentTypes},
		{"word/document.xml", `<w:document><w:body>` + body + `</w:body></w:document>`},
	}, more...)...)
}

func para(s string) string { return "<w:p><w:r><w:t>" + s + "</w:t></w:r></w:p>" }

func rels(items ...string) string {
	return "<Relationships>" + strings.Join(items, "") + "</Relationships>"
}

func external(kind, target string) string {
	return fmt.Sprintf(`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s" TargetMode="External"/>`, kind, target)
}

func xlsx(t testing.TB, sheet, strs, styles string, more ...file) []byte {
	t.Helper()
	return zipOf(t, append([]file{
		{"[Content_Types].xml", contentTypes},
		{"xl/workbook.xml", `<workbook><sheets><sheet name="S"/></sheets></workbook>`},
		{"xl/sharedStrings.xml", strs}, {"xl/styles.xml", styles},
		{"xl/worksheets/sheet1.xml", sheet},
	}, more...)...)
}

// compressVBA compresses with literals only, which MS-OVBA §2.4.1 allows.
func compressVBA(src string) []byte {
	out := []byte{1}
	for len(src) > 0 {
		n := min(len(src), 3600)
		var chunk []byte
		for i := 0; i < n; i += 8 {
			chunk = append(append(chunk, 0), src[i:min(i+8, n)]...)
		}
		src = src[n:]
		out = binary.LittleEndian.AppendUint16(out, uint16(len(chunk)+2-3)|0xb000)
		out = append(out, chunk...)
	}
	return out
}

// vbaParts are the streams of a project with one module.
func vbaParts(prefix, module, source string) map[string][]byte {
	var dir []byte
	record := func(id uint16, data []byte) {
		dir = binary.LittleEndian.AppendUint16(dir, id)
		dir = binary.LittleEndian.AppendUint32(dir, uint32(len(data)))
		dir = append(dir, data...)
	}
	record(0x0001, []byte{1, 0, 0, 0})
	dir = append(dir, 9, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0) // PROJECTVERSION: says 4, takes 6
	record(0x001a, []byte(module))
	record(0x0031, []byte{16, 0, 0, 0})
	return map[string][]byte{
		prefix + "VBA/dir":          compressVBA(string(dir)),
		prefix + "VBA/" + module:    append(make([]byte, 16), compressVBA(source)...),
		prefix + "VBA/_VBA_PROJECT": {0xcc, 0x61},
		prefix + "PROJECT":          []byte("ID=\"{}\""),
	}
}

type cfbNode struct {
	name     string
	data     []byte
	storage  bool
	class    string
	children []int
	start    uint32
}

// cfbOf writes a compound file of version 3 from streams by path.
func cfbOf(class string, streams map[string][]byte) []byte {
	nodes := []cfbNode{{name: "Root Entry", storage: true, class: class}}
	index := map[string]int{"": 0}
	var add func(path string, data []byte, storage bool) int
	add = func(path string, data []byte, storage bool) int {
		if i, ok := index[path]; ok {
			return i
		}
		dir, name := "", path
		if i := strings.LastIndexByte(path, '/'); i >= 0 {
			dir, name = path[:i], path[i+1:]
		}
		parent := add(dir, nil, true)
		nodes = append(nodes, cfbNode{name: name, data: data, storage: storage})
		index[path] = len(nodes) - 1
		nodes[parent].children = append(nodes[parent].children, len(nodes)-1)
		return len(nodes) - 1
	}
	paths := make([]string, 0, len(streams))
	for p := range streams {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	for _, p := range paths {
		add(p, streams[p], false)
	}
	return layoutCFB(nodes)
}

func layoutCFB(nodes []cfbNode) []byte {
	var mini, body []byte
	var minifat, fat []uint32
	place := func(data []byte) uint32 { // regular sectors
		start := uint32(len(fat))
		n := (len(data) + 511) / 512
		for i := range n {
			next := uint32(len(fat) + 1)
			if i == n-1 {
				next = 0xfffffffe
			}
			fat = append(fat, next)
		}
		body = append(append(body, data...), make([]byte, n*512-len(data))...)
		return start
	}
	for i := range nodes {
		d := nodes[i].data
		switch {
		case nodes[i].storage || len(d) == 0:
			nodes[i].start = 0xfffffffe
		case len(d) < 4096:
			nodes[i].start = uint32(len(minifat))
			n := (len(d) + 63) / 64
			for j := range n {
				next := uint32(len(minifat) + 1)
				if j == n-1 {
					next = 0xfffffffe
				}
				minifat = append(minifat, next)
			}
			mini = append(append(mini, d...), make([]byte, n*64-len(d))...)
		default:
			nodes[i].start = place(d)
		}
	}
	nodes[0].start, nodes[0].data = 0xfffffffe, mini
	if len(mini) > 0 {
		nodes[0].start = place(mini)
	}
	dirStart := place(directoryBytes(nodes))
	miniStart := uint32(0xfffffffe)
	var miniBytes []byte
	for _, v := range minifat {
		miniBytes = binary.LittleEndian.AppendUint32(miniBytes, v)
	}
	for len(miniBytes)%512 != 0 {
		miniBytes = append(miniBytes, 255)
	}
	if len(miniBytes) > 0 {
		miniStart = place(miniBytes)
	}
	fatSectors := 1
	for fatSectors*128 < len(fat)+fatSectors {
		fatSectors++
	}
	first := uint32(len(fat))
	for range fatSectors {
		fat = append(fat, 0xfffffffd)
	}
	for len(fat)%128 != 0 {
		fat = append(fat, 0xffffffff)
	}
	return append(cfbHeader(dirStart, miniStart, len(miniBytes)/512, first, fatSectors), append(body, wordBytes(fat)...)...)
}

func wordBytes(words []uint32) (out []byte) {
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out
}

func cfbHeader(dir, mini uint32, minis int, firstFAT uint32, fats int) []byte {
	h := make([]byte, 512)
	copy(h, cfbMagic)
	le := binary.LittleEndian
	le.PutUint16(h[24:], 0x3e)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xfffe)
	le.PutUint16(h[30:], 9)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], uint32(fats))
	le.PutUint32(h[48:], dir)
	le.PutUint32(h[56:], 4096)
	le.PutUint32(h[60:], mini)
	le.PutUint32(h[64:], uint32(minis))
	le.PutUint32(h[68:], 0xfffffffe)
	for i := range 109 {
		v := uint32(0xffffffff)
		if i < fats {
			v = firstFAT + uint32(i)
		}
		le.PutUint32(h[76+4*i:], v)
	}
	return h
}

func directoryBytes(nodes []cfbNode) []byte {
	out := make([]byte, 0, len(nodes)*128)
	right := make([]uint32, len(nodes))
	for i := range right {
		right[i] = cfbNone
	}
	for _, n := range nodes {
		for i := range n.children {
			if i+1 < len(n.children) {
				right[n.children[i]] = uint32(n.children[i+1])
			}
		}
	}
	for i, n := range nodes {
		e := make([]byte, 128)
		u := utf16.Encode([]rune(n.name))
		for j, c := range u {
			binary.LittleEndian.PutUint16(e[2*j:], c)
		}
		binary.LittleEndian.PutUint16(e[64:], uint16(2*len(u)+2))
		e[66] = 2
		if n.storage {
			e[66] = 1
		}
		if i == 0 {
			e[66] = 5
		}
		e[67] = 1
		child := uint32(cfbNone)
		if len(n.children) > 0 {
			child = uint32(n.children[0])
		}
		binary.LittleEndian.PutUint32(e[68:], cfbNone)
		binary.LittleEndian.PutUint32(e[72:], right[i])
		binary.LittleEndian.PutUint32(e[76:], child)
		copy(e[80:], n.class)
		binary.LittleEndian.PutUint32(e[116:], n.start)
		binary.LittleEndian.PutUint32(e[120:], uint32(len(n.data)))
		out = append(out, e...)
	}
	for len(out)%512 != 0 {
		e := make([]byte, 128)
		for _, at := range []int{68, 72, 76} {
			binary.LittleEndian.PutUint32(e[at:], cfbNone)
		}
		out = append(out, e...)
	}
	return out
}

// lnkOf builds a shell link with a target in the environment block and arguments.
func lnkOf(target, args, icon string) []byte {
	h := make([]byte, 76)
	copy(h, "\x4c\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")
	binary.LittleEndian.PutUint32(h[20:], lnkHasArgs|lnkHasIcon|lnkUnicode)
	for _, s := range []string{args, icon} {
		u := utf16.Encode([]rune(s))
		h = binary.LittleEndian.AppendUint16(h, uint16(len(u)))
		for _, c := range u {
			h = binary.LittleEndian.AppendUint16(h, c)
		}
	}
	block := make([]byte, 788)
	binary.LittleEndian.PutUint32(block, 788)
	binary.LittleEndian.PutUint32(block[4:], 0xa0000001)
	copy(block[8:], target)
	return append(append(h, block...), 0, 0, 0, 0)
}

// isoOf builds an ISO 9660 image with files in its root.
func isoOf(files ...file) []byte {
	img := make([]byte, 20*isoBlock)
	record := func(name string, where, size int, flags byte) []byte {
		r := make([]byte, 33+len(name)+(len(name)+1)%2)
		r[0] = byte(len(r))
		binary.LittleEndian.PutUint32(r[2:], uint32(where))
		binary.LittleEndian.PutUint32(r[10:], uint32(size))
		r[25], r[32] = flags, byte(len(name))
		copy(r[33:], name)
		return r
	}
	dir := append(record("\x00", 18, isoBlock, 2), record("\x01", 18, isoBlock, 2)...)
	for _, f := range files {
		dir = append(dir, record(f.name+";1", len(img)/isoBlock, len(f.data), 1)...)
		img = append(img, f.data...)
		img = append(img, make([]byte, (isoBlock-len(img)%isoBlock)%isoBlock)...)
	}
	pvd := img[16*isoBlock:]
	copy(pvd, "\x01CD001\x01")
	copy(pvd[156:], record("\x00", 18, isoBlock, 2))
	copy(img[17*isoBlock:], "\xffCD001\x01")
	copy(img[18*isoBlock:], dir)
	return img
}

// pdfOf writes objects as a file; no cross reference table is needed here.
func pdfOf(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	b.WriteString("trailer << /Root 1 0 R >>\n%%EOF\n")
	return b.Bytes()
}

// pdfStream compresses a stream object.
func pdfStream(dict, data string) string {
	z := deflated([]byte(data))
	return fmt.Sprintf("<< %s /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream", dict, len(z), z)
}

func deflated(data []byte) []byte {
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	w.Write(data)
	w.Close()
	return buf.Bytes()
}

// sevenZipOf builds a 7z with one stored file; coder describes how it is packed.
func sevenZipOf(name, data, coder string) []byte {
	n := byte(len(data))
	h := []byte{1, 4, 6, 0, 1, 9, n, 0, 7, 0x0b, 1, 0, 1}
	h = append(h, coder...)
	h = append(h, 0x0c, n, 0, 0, 5, 1, 0x11, byte(2*len(name)+3), 0)
	for _, r := range name + "\x00" {
		h = append(h, byte(r), 0)
	}
	h = append(h, 0, 0)
	start := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	start = binary.LittleEndian.AppendUint64(start, uint64(len(h)))
	start = binary.LittleEndian.AppendUint32(start, crc32.ChecksumIEEE(h))
	out := []byte("7z\xbc\xaf\x27\x1c\x00\x04")
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(start))
	return append(append(append(out, start...), data...), h...)
}

// rarLocked is a RAR 5 archive that begins with an encryption header: version 0,
// no flags, a count for the key derivation and a salt.
func rarLocked() []byte {
	body := append([]byte{4, 0, 0, 0, 15}, make([]byte, 16)...)
	block := append([]byte{byte(len(body))}, body...)
	out := append([]byte("Rar!\x1a\x07\x01\x00"), binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(block))...)
	return append(out, block...)
}
