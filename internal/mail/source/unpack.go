package source

import (
	"archive/tar"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// zstdWindow is the largest window that zstd decoders are asked to support
// without being told to (RFC 8878 §3.1.1.1.2 recommends 8 MiB; --ultra writes 128).
const zstdWindow = 128 << 20

// unpack reads what a layer of packing holds.
func (u *unit) unpack(s *stream, k kind) error {
	if s.depth >= u.cfg.MaxDepth {
		u.fail(s, 0, fmt.Errorf("packed more than %d layers deep", u.cfg.MaxDepth), "unpack it yourself if it is wanted; an archive that holds itself never ends")
		return nil
	}
	switch k {
	case kindZip:
		return u.readZip(s)
	case kindTar:
		return u.readTar(s)
	}
	src, err := decompressor(s.w, k)
	if err != nil {
		return u.readError(s, fmt.Errorf("unpack: %w", early(err, k, s.w)))
	}
	defer src.Close()
	return u.read(u.inner(s, s.label, stemOnce(s.name), s.folder, unpacked{src, k, s.w}, -1, func() int64 { return s.w.off }))
}

// unpacked is what a decompressor lets out. Where the packed bytes are cut off, it
// says so, and where.
type unpacked struct {
	src io.Reader
	k   kind
	w   *window // the packed bytes
}

func (p unpacked) Read(b []byte) (int, error) {
	n, err := p.src.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = early(err, p.k, p.w)
	}
	return n, err
}

// earlyEnd is the end of packed bytes before the stream in them has ended.
type earlyEnd struct {
	k  kind
	at int64 // in the packed bytes
}

func (e *earlyEnd) Error() string {
	name := map[kind]string{kindGzip: "gzip", kindZstd: "zstd", kindBzip2: "bzip2"}[e.k]
	return fmt.Sprintf("the %s stream ends early, at byte %d of the packed file", name, e.at)
}

func (e *earlyEnd) Unwrap() error { return io.ErrUnexpectedEOF }

// early names the end of a layer's bytes, unless the layer below it did so already.
func early(err error, k kind, w *window) error {
	var below *earlyEnd
	if errors.As(err, &below) || !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	w.need(1) // reaches the end, if it is the end
	return &earlyEnd{k, w.off + int64(len(w.ahead()))}
}

// inner is the stream that a layer around s lets out. The size is a hint.
func (u *unit) inner(s *stream, label, name, folder string, src io.Reader, size int64, packed func() int64) *stream {
	m := &meter{parent: s.meter, ratio: u.cfg.MaxRatio, packed: packed}
	return &stream{
		label: label, name: name, folder: folder, depth: s.depth + 1,
		inMaildir: s.inMaildir, quiet: s.quiet, env: s.env, meter: m,
		w: newWindow(metered{src, m, u.stopped}, size),
	}
}

// decompressor opens a layer that holds one stream. Errors of its Read are those of the data.
func decompressor(w *window, k kind) (io.ReadCloser, error) {
	switch k {
	case kindGzip:
		return gzip.NewReader(w)
	case kindZstd:
		d, err := zstd.NewReader(w, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(bzip2.NewReader(w)), nil
}

// stemOnce takes off the extension of one layer, so that the name of what is in it remains.
func stemOnce(name string) string {
	ext := path.Ext(name)
	switch strings.ToLower(ext) {
	case ".gz", ".zst", ".bz2":
		return strings.TrimSuffix(name, ext)
	}
	return name
}

// member is what an archive holds under one name.
type member struct {
	name   string // as the archive has it: a label, never a path to write to
	size   int64
	src    io.Reader
	packed func() int64
}

// readMember reads one member of the archive s.
func (u *unit) readMember(s *stream, m member) error {
	name := memberName(m.name)
	folder, base := path.Split(name)
	inner := u.inner(s, valid(s.label+"!"+name), base, u.memberFolder(s, folder), m.src, m.size, m.packed)
	inner.inMaildir = inMaildirFolder(folder, base) && !foreign(base)
	inner.quiet = foreign(base)
	if inner.inMaildir {
		inner.folder = u.memberFolder(s, path.Dir(path.Clean(folder)))
	}
	return u.read(inner)
}

// memberFolder is the mailbox of what lies in a folder of an archive: the
// archive's own name stands before it, unless the archive is the argument.
func (u *unit) memberFolder(s *stream, folder string) string {
	at := s.folder
	if s.depth > 0 || u.place.rel != "" {
		at = path.Join(at, stem(s.name))
	}
	return path.Join(at, strings.TrimSuffix(strings.TrimSuffix(folder, "/"), "."))
}

// memberName makes a label of a name in an archive: with slashes, relative, and
// without steps upwards.
func memberName(name string) string {
	name = path.Clean("/" + strings.ReplaceAll(name, "\\", "/"))
	return strings.TrimPrefix(name, "/")
}

// inMaildirFolder tells by its name whether a member is a message of a Maildir.
// Whether cur has new beside it cannot be seen in a stream, so the file name
// must have the form that deliveries give it: "time.unique.host".
func inMaildirFolder(folder, base string) bool {
	switch path.Base(folder) {
	case "cur", "new", "tmp":
		digits := len(base) - len(strings.TrimLeft(base, "0123456789"))
		return digits >= 9 && digits < len(base) && base[digits] == '.'
	}
	return false
}

// passOver tells whether a member is not meant as mail.
func (u *unit) passOver(s *stream, name string) bool {
	folder, base := path.Split(memberName(name))
	undelivered := path.Base(folder) == "tmp" && inMaildirFolder(folder, base)
	if !undelivered && !strings.HasPrefix(folder, "__MACOSX/") {
		return false
	}
	if u.cfg.Ignored != nil {
		u.cfg.Ignored(valid(s.label + "!" + memberName(name)))
	}
	return true
}

func (u *unit) readTar(s *stream) error {
	t := tar.NewReader(s.w)
	broken := u.broken
	for count := 0; ; count++ {
		h, err := t.Next()
		switch {
		case errors.Is(err, io.EOF):
			s.w.discard(1 << 62) // padding, so that the layer below is checked to its end
			return u.endOf(s)
		case err != nil && s.w.err != nil && u.broken > broken:
			return nil // the member before met the same end and reported it
		case err != nil:
			return u.readError(s, fmt.Errorf("tar: %w", err))
		case count >= u.cfg.MaxMembers:
			return u.tooMany(s)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse || u.passOver(s, h.Name) {
			continue
		}
		broken = u.broken
		err = u.readMember(s, member{name: h.Name, size: h.Size, src: t, packed: func() int64 { return s.w.off }})
		if err != nil {
			return err
		}
		if s.meter.spent() {
			return nil // reported with the member
		}
	}
}

// endOf reports what went wrong in a stream that was not read for its own sake.
func (u *unit) endOf(s *stream) error {
	if err := s.w.failure(); err != nil {
		return u.readError(s, err)
	}
	return nil
}

func (u *unit) tooMany(s *stream) error {
	u.fail(s, s.w.off, fmt.Errorf("archive has more than %d members: the rest was not read", u.cfg.MaxMembers), "unpack it yourself, or raise the limit on members")
	return nil
}
