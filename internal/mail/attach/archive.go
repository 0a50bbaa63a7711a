package attach

import (
	"archive/tar"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/nwaples/rardecode/v2"
)

// bombFloor is the size below which no ratio makes a bomb: short runs of zeros
// compress a thousandfold and hurt nobody.
const bombFloor = 1 << 20

// errBomb and errBudget end the unpacking of a member.
var (
	errBomb   = errors.New("unpacks to far more than it weighs")
	errBudget = errors.New("no budget left to unpack")
)

// unpack reads r within the budget. Packed is what the data weighs packed, 0
// if not known. It returns what was read also with an error.
func (in *inspection) unpack(r io.Reader, packed int64) ([]byte, error) {
	limit := min(in.b.expand, int64(in.b.Limits.Bytes))
	if limit <= 0 {
		return nil, errBudget
	}
	if packed > 0 {
		if ceiling := max(bombFloor, packed*int64(in.b.Limits.Ratio)); ceiling < limit {
			data, err := in.readUpTo(r, ceiling)
			if errors.Is(err, errBudget) {
				err = errBomb
			}
			return data, err
		}
	}
	return in.readUpTo(r, limit)
}

// readUpTo reads at most limit bytes and pays for them.
func (in *inspection) readUpTo(r io.Reader, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, limit+1))
	in.b.expand -= n
	if err == nil && n > limit {
		buf.Truncate(int(limit))
		err = errBudget
	}
	return buf.Bytes(), err
}

// unpackFailed reports why a member is not read, or not wholly.
func (in *inspection) unpackFailed(c content, name string, err error) {
	path := c.label() + "!" + clip(name, maxDetail)
	switch {
	case errors.Is(err, errBomb):
		in.trait(c, KindArchiveBomb, fmt.Sprintf("%s unpacks to more than %d times its size", name, in.b.Limits.Ratio))
		in.incomplete("%s: %v", path, err)
	case errors.Is(err, errBudget):
		in.incomplete("%s: not wholly unpacked, the limit of %d bytes for one member or %d for the message is reached",
			path, in.b.Limits.Bytes, in.b.Limits.Expand)
	default:
		in.incomplete("%s: not wholly readable: %s", path, printable(err.Error(), 160))
	}
}

// locked records members that need a password; their names still tell much.
func (in *inspection) locked(c content, name, what string) {
	in.r.Encrypted = true
	in.trait(c, KindEncryptedArchive, what)
	if name != "" {
		m := c.inside(name, nil)
		in.nameTraits(m, "")
		in.r.Members = append(in.r.Members, Member{Path: m.path, Name: name, Type: "encrypted"})
	}
}

// nested records an archive inside an archive.
func (in *inspection) nested(c content) {
	if c.depth > 0 {
		in.trait(c, KindNestedArchive, fmt.Sprintf("archive at level %d", c.depth+1))
	}
}

// outOfMembers reports, once per container, that the count of members is used up.
func (in *inspection) outOfMembers(c content) {
	in.incomplete("%s: more than %d members in the message, the rest was not opened", c.label(), in.b.Limits.Members)
}

// openStream unpacks a single compressed stream.
func (in *inspection) openStream(c content, typ string) {
	in.nested(c)
	r, name, err := in.streamReader(c, typ)
	if err != nil {
		in.incomplete("%s: %s cannot be read: %s", c.label(), typ, printable(err.Error(), 160))
		return
	}
	data, err := in.unpack(r, int64(len(c.data)))
	if err != nil {
		in.unpackFailed(c, name, err)
	}
	if len(data) > 0 && in.b.takeMember() {
		in.member(c, name, data)
	}
}

func (in *inspection) streamReader(c content, typ string) (io.Reader, string, error) {
	src := bytes.NewReader(c.data)
	name := streamName(c.name)
	switch typ {
	case "gzip":
		r, err := gzip.NewReader(src)
		if err != nil {
			return nil, name, err
		}
		if r.Name != "" {
			name = r.Name
		}
		return r, name, nil
	case "bzip2":
		return bzip2.NewReader(src), name, nil
	}
	r, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(max(in.b.Limits.Dictionary, 1<<20))), zstd.WithDecoderMaxMemory(uint64(in.b.Limits.Expand)))
	return r, name, err
}

// streamName is the name without the extension of the compression.
func streamName(name string) string {
	base := baseName(name)
	switch ext := extension(base); ext {
	case "gz", "bz2", "zst", "z":
		return base[:len(base)-len(ext)-1]
	case "tgz", "tbz", "tzst":
		return base[:len(base)-len(ext)] + "tar"
	}
	if base == "" {
		return "content"
	}
	return base
}

func (in *inspection) openTar(c content) {
	if c.depth > 1 { // a compressed tar is one archive to everybody
		in.nested(c)
	}
	r := tar.NewReader(bytes.NewReader(c.data))
	for {
		h, err := r.Next()
		if err != nil {
			if err != io.EOF {
				in.unpackFailed(c, "", err)
			}
			return
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		data, err := in.unpack(r, 0)
		if err != nil {
			in.unpackFailed(c, h.Name, err)
		}
		in.member(c, h.Name, data)
		if errors.Is(err, errBudget) {
			return
		}
	}
}

func (in *inspection) openRar(c content) {
	in.nested(c)
	r, err := rardecode.NewReader(bytes.NewReader(c.data), rardecode.MaxDictionarySize(in.b.Limits.Dictionary))
	if err != nil {
		in.rarFailed(c, "", err)
		return
	}
	for {
		h, err := r.Next()
		if err != nil {
			if err != io.EOF {
				in.rarFailed(c, "", err)
			}
			return
		}
		if h.IsDir {
			continue
		}
		if !in.b.takeMember() {
			in.outOfMembers(c)
			return
		}
		if h.Encrypted || h.HeaderEncrypted {
			in.locked(c, h.Name, "rar, content encrypted")
			continue
		}
		if !in.rarMember(c, r, h) {
			return
		}
	}
}

func (in *inspection) rarMember(c content, r io.Reader, h *rardecode.FileHeader) bool {
	data, err := in.unpack(r, max(h.PackedSize, int64(len(c.data))/4))
	if err != nil {
		in.rarFailed(c, h.Name, err)
	}
	in.member(c, h.Name, data)
	return err == nil
}

func (in *inspection) rarFailed(c content, name string, err error) {
	if errors.Is(err, rardecode.ErrArchiveEncrypted) || errors.Is(err, rardecode.ErrArchivedFileEncrypted) || strings.Contains(err.Error(), "password") {
		in.locked(c, name, "rar, names encrypted too")
		return
	}
	in.unpackFailed(c, name, err)
}
