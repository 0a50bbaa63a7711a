package attach

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// openDisk records a disk image and, for ISO 9660, opens the files on it.
func (in *inspection) openDisk(c content, typ string) {
	in.trait(c, KindDiskImage, typ+" image")
	if typ != "iso" {
		in.diskStrings(c)
		return
	}
	root, joliet, ok := isoRoot(c.data)
	if !ok {
		in.incomplete("%s: image without ISO 9660 directory (UDF only), searched for program headers", c.label())
		in.diskStrings(c)
		return
	}
	in.isoFiles(c, root, joliet)
}

const isoBlock = 2048

// isoRoot finds the root directory record (ECMA-119 §8.4), of the Joliet
// descriptor where there is one, as the target system does.
func isoRoot(data []byte) (root []byte, joliet, ok bool) {
	for n := 16; (n+1)*isoBlock <= len(data) && n < 64; n++ {
		d := data[n*isoBlock : (n+1)*isoBlock]
		if string(d[1:6]) != "CD001" || d[0] == 255 {
			break
		}
		switch {
		case d[0] == 1 && root == nil:
			root, ok = d[156:190], true
		case d[0] == 2 && d[88] == '%' && d[89] == '/':
			root, joliet, ok = d[156:190], true, true
		}
	}
	return root, joliet, ok
}

type isoDir struct {
	path string
	rec  []byte
}

// isoFiles walks directories breadth first; extents already seen are not
// walked again, so circular directories end.
func (in *inspection) isoFiles(c content, root []byte, joliet bool) {
	todo := []isoDir{{"", root}}
	seen := map[uint32]bool{}
	for len(todo) > 0 {
		dir := todo[0]
		todo = todo[1:]
		where := binary.LittleEndian.Uint32(dir.rec[2:])
		if seen[where] || len(seen) > in.b.Limits.Members {
			continue
		}
		seen[where] = true
		for _, rec := range isoRecords(isoExtent(c.data, dir.rec)) {
			name := isoName(rec, joliet)
			if name == "" {
				continue
			}
			if rec[25]&2 != 0 {
				todo = append(todo, isoDir{dir.path + name + "/", rec})
				continue
			}
			if !in.b.takeMember() {
				in.outOfMembers(c)
				return
			}
			if rec[25]&1 != 0 {
				in.trait(c, KindDiskImage, "hidden file "+dir.path+name)
			}
			in.member(c, dir.path+name, isoExtent(c.data, rec))
		}
	}
}

func isoExtent(data, rec []byte) []byte {
	start := uint64(binary.LittleEndian.Uint32(rec[2:])) * isoBlock
	size := uint64(binary.LittleEndian.Uint32(rec[10:]))
	if start >= uint64(len(data)) {
		return nil
	}
	return data[start:min(start+size, uint64(len(data)))]
}

// isoRecords splits a directory; records do not cross blocks.
func isoRecords(dir []byte) [][]byte {
	var out [][]byte
	for at := 0; at+34 <= len(dir) && len(out) < 10_000; {
		size := int(dir[at])
		if size == 0 {
			at = (at/isoBlock + 1) * isoBlock
			continue
		}
		if size < 34 || at+size > len(dir) {
			break
		}
		out = append(out, dir[at:at+size])
		at += size
	}
	return out
}

func isoName(rec []byte, joliet bool) string {
	n := int(rec[32])
	if 33+n > len(rec) || n == 1 && rec[33] <= 1 {
		return ""
	}
	raw := rec[33 : 33+n]
	name := string(raw)
	if joliet {
		name = string(utf16Bytes(raw, false))
	}
	name, _, _ = strings.Cut(name, ";")
	return strings.TrimRight(name, ".")
}

// diskStrings looks for what images of mail attacks hold, in images whose file
// system is not read: a shell link or a program at the start of a sector.
func (in *inspection) diskStrings(c content) {
	found := 0
	for at := 0; at+512 <= len(c.data) && found < 20; at += 512 {
		switch s := c.data[at:]; {
		case bytes.HasPrefix(s, []byte("\x4c\x00\x00\x00\x01\x14\x02\x00")):
			in.openLNK(content{path: c.inside(fmt.Sprintf("@%d", at), nil).path, data: s[:min(len(s), 1<<16)], depth: c.depth + 1})
			found++
		case s[0] == 'M' && s[1] == 'Z' && bytes.Contains(s[:512], []byte("This program cannot")):
			in.trait(c, KindExecutable, "pe program on the image", at, at+512)
			found++
		}
	}
}

// oneNoteFile is the header of a FileDataStoreObject (MS-ONESTORE §2.6.13).
const oneNoteFile = "\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac"

// openOneNote opens the files embedded in a notebook section, which start at a
// double click on whatever picture is laid over them.
func (in *inspection) openOneNote(c content) {
	files := 0
	for at := 0; ; {
		i := bytes.Index(c.data[at:], []byte(oneNoteFile))
		if i < 0 || at+i+36 > len(c.data) {
			break
		}
		at += i
		size := binary.LittleEndian.Uint64(c.data[at+16:])
		start := at + 36
		data := c.data[start:min(uint64(start)+min(size, 1<<31), uint64(len(c.data)))]
		at = start
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		before := len(in.r.Members)
		in.member(c, fmt.Sprintf("file%d", files+1), data)
		if t := in.r.Members[len(in.r.Members)-1].Type; len(in.r.Members) > before && !strings.HasPrefix(t, "image-") {
			in.trait(c, KindOLEObject, "embedded file of type "+t, at, at+len(data))
		}
		files++
	}
	in.trait(c, KindScript, fmt.Sprintf("OneNote section with %d embedded files", files))
}
