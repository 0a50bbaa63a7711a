package copies

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding/unicode"
)

// content is something to look through: a file, or a member of one.
type content struct {
	name  string // with slashes; members behind "!"
	r     io.Reader
	at    io.ReaderAt // where there is random access
	size  int64       // of at
	depth int
}

func (c content) inside(name string, r io.Reader) content {
	return content{name: c.name + "!" + name, r: r, depth: c.depth + 1}
}

// unpacked is what c is when one layer of packing is taken away.
func (c content) unpacked(r io.Reader) content {
	return content{name: c.name, r: r, depth: c.depth + 1}
}

// opener unpacks one file and hands on what text there is.
type opener struct {
	ctx     context.Context //nolint:containedctx // one call's
	b       budget
	other   Other
	leaf    func(name string, read func(io.Writer) error) error
	problem func(name string, err error)
}

// Other reads kinds of files that this package does not know: mailboxes, documents. Head is how the
// file begins. It says whether it has dealt with the file; emit is called for each text, attachment or
// page in it, with a name within the file. Open gives the whole.
type Other func(ctx context.Context, name string, head []byte, open func() (io.ReaderAt, int64, error), emit func(name string, r io.Reader) error) (handled bool, err error)

// headSize is how much of a file tells what it is.
const headSize = 4096

// look finds out what the content is and reads it. It returns an error only where all has to stop.
func (o *opener) look(c content) error {
	if err := o.ctx.Err(); err != nil {
		return err
	}
	if c.depth > o.b.limits.Depth {
		o.problem(c.name, fmt.Errorf("%w (more than %d)", errDeep, o.b.limits.Depth))
		return nil
	}
	in := bufio.NewReaderSize(c.r, 64<<10)
	head, err := in.Peek(headSize)
	if len(head) == 0 {
		if err != nil && !errors.Is(err, io.EOF) {
			o.problem(c.name, err)
		}
		return nil
	}
	c.r = in
	if err := o.open(c, head); err != nil {
		if o.ctx.Err() != nil {
			return o.ctx.Err()
		}
		o.problem(c.name, err)
	}
	return nil
}

// open dispatches by content, never by name alone.
func (o *opener) open(c content, head []byte) error {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return o.packed(c, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return o.zstd(c)
	case bytes.HasPrefix(head, []byte("BZh")):
		return o.packed(c, func(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil })
	case bytes.HasPrefix(head, []byte{0xfd, '7', 'z', 'X', 'Z', 0}):
		return o.packed(c, func(r io.Reader) (io.Reader, error) {
			return (xz.ReaderConfig{DictCap: 64 << 20}).NewReader(r)
		})
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return o.zip(c)
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return o.tar(c)
	}
	if o.other != nil {
		handled, err := o.other(o.ctx, c.name, head, func() (io.ReaderAt, int64, error) { return o.whole(c) }, func(name string, r io.Reader) error {
			if err := o.b.member(); err != nil {
				return err
			}
			return o.look(c.inside(name, r))
		})
		if handled || err != nil {
			return err
		}
	}
	if why := closed(head); why != "" {
		return errors.New(why)
	}
	if media(head) {
		return nil
	}
	return o.text(c, head)
}

// closed says why a kind of file is not read.
func closed(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{'7', 'z', 0xbc, 0xaf, 0x27, 0x1c}), bytes.HasPrefix(head, []byte("Rar!")):
		return "archives of this kind are not opened; unpack it and look again"
	case bytes.HasPrefix(head, []byte("age-encryption.org/")), bytes.HasPrefix(head, []byte("-----BEGIN AGE ENCRYPTED")), bytes.HasPrefix(head, []byte("-----BEGIN PGP MESSAGE")):
		return "encrypted: what is in it cannot be told"
	case bytes.HasPrefix(head, []byte("%PDF-")), bytes.HasPrefix(head, []byte{0xd0, 0xcf, 0x11, 0xe0}):
		return "documents of this kind are not read here"
	}
	return ""
}

// media tells pictures, sound, films and programs, which are passed over.
func media(head []byte) bool {
	for _, m := range []string{"\x89PNG", "\xff\xd8\xff", "GIF8", "\x7fELF", "MZ", "ID3", "RIFF", "OggS", "fLaC", "\x1aE\xdf\xa3"} {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return len(head) > 12 && string(head[4:8]) == "ftyp"
}

func (o *opener) packed(c content, open func(io.Reader) (io.Reader, error)) error {
	r, err := open(c.r)
	if err != nil {
		return err
	}
	return o.look(c.unpacked(&metered{r, &o.b}))
}

func (o *opener) zstd(c content) error {
	d, err := zstd.NewReader(c.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(128<<20), zstd.WithDecoderMaxWindow(128<<20))
	if err != nil {
		return err
	}
	defer d.Close()
	return o.look(c.unpacked(&metered{d, &o.b}))
}

func (o *opener) tar(c content) error {
	t := tar.NewReader(c.r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the archive: %w", err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := o.b.member(); err != nil {
			return err
		}
		if err := o.look(c.inside(clean(h.Name), t)); err != nil {
			return err
		}
	}
}

// clean makes a member's name a label of one line.
func clean(name string) string {
	name = strings.ToValidUTF8(strings.ReplaceAll(name, "\\", "/"), "?")
	return name[:min(len(name), 512)]
}

// whole gives random access, in memory where there is none.
func (o *opener) whole(c content) (io.ReaderAt, int64, error) {
	if c.at != nil {
		return c.at, c.size, nil
	}
	raw, err := io.ReadAll(io.LimitReader(c.r, o.b.limits.Memory+1))
	if err != nil {
		return nil, 0, err
	}
	if int64(len(raw)) > o.b.limits.Memory {
		return nil, 0, errMemory
	}
	return bytes.NewReader(raw), int64(len(raw)), nil
}

func (o *opener) zip(c content) error {
	at, size, err := o.whole(c)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	if c.at != nil {
		o.b.packed.Store(size) // members are read out of order
	}
	has := func(name string) bool {
		return slices.ContainsFunc(z.File, func(f *zip.File) bool { return f.Name == name })
	}
	switch {
	case has("xl/workbook.xml"):
		return o.xlsx(c, z)
	case has("content.xml") && has("META-INF/manifest.xml"):
		return o.ods(c, z)
	}
	for _, f := range z.File {
		if err := o.zipMember(c, f); err != nil {
			return err
		}
	}
	return nil
}

func (o *opener) zipMember(c content, f *zip.File) error {
	if f.FileInfo().IsDir() {
		return nil
	}
	if err := o.b.member(); err != nil {
		return err
	}
	name := clean(f.Name)
	if f.Flags&1 != 0 {
		o.problem(c.name+"!"+name, errors.New("encrypted: what is in it cannot be told"))
		return nil
	}
	r, err := f.Open()
	if err != nil {
		o.problem(c.name+"!"+name, err)
		return nil
	}
	err = o.look(c.inside(name, &metered{r, &o.b}))
	return errors.Join(err, r.Close())
}

// text hands on what is left: text, markup without its tags, and whatever is not known, as it is.
func (o *opener) text(c content, head []byte) error {
	r := c.r
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		r = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(r)
	case wide(head, 1):
		r = unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewDecoder().Reader(r)
	case wide(head, 0):
		r = unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewDecoder().Reader(r)
	case markup(c.name, head):
		return o.leaf(c.name, func(w io.Writer) error { return stripTags(w, r, !html(c.name, head)) })
	}
	return o.leaf(c.name, func(w io.Writer) error {
		_, err := io.CopyBuffer(w, struct{ io.Reader }{r}, make([]byte, 64<<10))
		return err
	})
}

// wide tells UTF-16 without a mark: every other byte is zero.
func wide(head []byte, odd int) bool {
	head = head[:min(len(head), 256)&^1]
	zero, other := 0, 0
	for i := odd; i < len(head); i += 2 {
		if head[i] == 0 {
			zero++
		}
		if head[i^1] == 0 {
			other++
		}
	}
	return len(head) >= 16 && zero*10 >= len(head)*4 && other*20 < len(head)
}

func markup(name string, head []byte) bool {
	switch strings.ToLower(path.Ext(strings.TrimSuffix(strings.TrimSuffix(name, ".gz"), ".zst"))) {
	case ".xml", ".html", ".htm", ".xhtml", ".kml", ".fods", ".svg":
		return true
	}
	head = bytes.TrimLeft(head, "\ufeff \t\r\n")
	return bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<!DOCTYPE")) || bytes.HasPrefix(head, []byte("<html"))
}

// html tells pages and documents, of which only the text counts; other markup may have data in its attributes.
func html(name string, head []byte) bool {
	low := bytes.ToLower(head[:min(len(head), 1024)])
	return bytes.Contains(low, []byte("<html")) || bytes.Contains(low, []byte("<!doctype html")) || strings.Contains(name, "!word/")
}
