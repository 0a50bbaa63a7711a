package attach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zip"
)

// maxZipEntries bounds what the directory reader may build in memory.
const maxZipEntries = 20_000

// container is an opened zip with its members by name.
type container struct {
	content
	files []*zip.File
}

func (z *container) find(name string) *zip.File {
	for _, f := range z.files {
		if strings.EqualFold(f.Name, name) {
			return f
		}
	}
	return nil
}

func (z *container) has(prefix string) bool {
	for _, f := range z.files {
		if len(f.Name) >= len(prefix) && strings.EqualFold(f.Name[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// openZip opens a zip, or what is one inside: OOXML, ODF, Java archives.
func (in *inspection) openZip(c content) string {
	if n := bytes.Count(c.data, []byte("PK\x01\x02")); n > maxZipEntries {
		in.trait(c, KindArchiveBomb, fmt.Sprintf("%d directory entries", n))
		in.incomplete("%s: %d directory entries, at most %d are read", c.label(), n, maxZipEntries)
		return "zip"
	}
	r, err := zip.NewReader(bytes.NewReader(c.data), int64(len(c.data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		in.salvageZip(c, err)
		return "zip"
	}
	z := &container{content: c, files: r.File}
	if t := officeType(z); t != "" {
		in.openOffice(z, t)
		return t
	}
	in.nested(c)
	in.hiddenZip(z)
	for _, f := range z.files {
		if !in.zipMember(c, f) {
			break
		}
	}
	return in.zipKind(z)
}

// zipKind names archives that are programs.
func (in *inspection) zipKind(z *container) string {
	switch {
	case z.find("AndroidManifest.xml") != nil:
		in.trait(z.content, KindExecutable, "Android package")
		return "apk"
	case z.has("META-INF/MANIFEST.MF") && (extension(z.name) == "jar" || hasClass(z)):
		in.trait(z.content, KindExecutable, "Java archive")
		return "jar"
	}
	return "zip"
}

func hasClass(z *container) bool {
	for _, f := range z.files {
		if strings.HasSuffix(f.Name, ".class") {
			return true
		}
	}
	return false
}

func (in *inspection) zipMember(c content, f *zip.File) bool {
	if strings.HasSuffix(f.Name, "/") {
		return true
	}
	if !in.b.takeMember() {
		in.outOfMembers(c)
		return false
	}
	if f.Flags&1 != 0 {
		in.locked(c, f.Name, "zip, content encrypted")
		return true
	}
	data, err := in.readZip(f)
	if err != nil {
		in.unpackFailed(c, f.Name, err)
	}
	in.member(c, f.Name, data)
	return !errors.Is(err, errBudget)
}

// readZip unpacks one member within the budget.
func (in *inspection) readZip(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return in.unpack(r, int64(min(f.CompressedSize64, 1<<40)))
}

// hiddenZip looks at what stands before the archive that the directory at the
// end describes. Programs that read from the front see that instead: one file
// made of two archives shows different content to scanner and victim.
func (in *inspection) hiddenZip(z *container) {
	first := int64(len(z.data))
	for _, f := range z.files {
		if off, err := f.DataOffset(); err == nil {
			first = min(first, off-30-int64(len(f.Name))-64)
		}
	}
	if first > 64 && bytes.HasPrefix(z.data, []byte("PK\x03\x04")) && in.b.takeMember() {
		in.trait(z.content, KindTypeMismatch, "a second archive stands before the one that the directory describes")
		in.salvageZip(z.content, errors.New("entries outside the directory"))
	}
}

// salvageZip reads local headers one after another (APPNOTE 4.3.7) where the
// directory is missing or broken, as tolerant programs do.
func (in *inspection) salvageZip(c content, cause error) {
	in.incomplete("%s: zip directory cannot be used (%s), read from the front", c.label(), printable(cause.Error(), 100))
	for at := 0; ; {
		i := bytes.Index(c.data[at:], []byte("PK\x03\x04"))
		if i < 0 || at+i+30 > len(c.data) {
			return
		}
		at += i
		h := c.data[at:]
		nameLen, extra := int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:]))
		body := 30 + nameLen + extra
		if body > len(h) {
			return
		}
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		at += body + in.salvageMember(c, h, string(h[30:30+nameLen]), h[body:])
	}
}

// salvageMember reads one member behind its local header and returns how much
// of rest it took.
func (in *inspection) salvageMember(c content, h []byte, name string, rest []byte) int {
	packed := min(int(binary.LittleEndian.Uint32(h[18:])), len(rest))
	flags, method := binary.LittleEndian.Uint16(h[6:]), binary.LittleEndian.Uint16(h[8:])
	if strings.HasSuffix(name, "/") {
		return 0
	}
	if flags&1 != 0 {
		in.locked(c, name, "zip, content encrypted")
		return packed
	}
	var r io.Reader
	src := bytes.NewReader(rest)
	switch method {
	case zip.Store:
		r = bytes.NewReader(rest[:packed])
	case zip.Deflate:
		r = flate.NewReader(src)
	default:
		in.incomplete("%s!%s: compression method %d is not known", c.label(), printable(name, 80), method)
		return packed
	}
	data, err := in.unpack(r, int64(len(rest)))
	if err != nil {
		in.unpackFailed(c, name, err)
	}
	in.member(c, name, data)
	if packed > 0 {
		return packed
	}
	return len(rest) - src.Len()
}
