package source

import (
	"archive/zip"
	"bufio"
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/klauspost/compress/zstd"
)

// Compression methods beyond those that archive/zip has (PKWARE APPNOTE §4.4.5).
const (
	zipBzip2     = 12
	zipZstd      = 93
	zipEncrypted = 1 // bit 0 of the general purpose flags, APPNOTE §4.4.4
)

func (u *unit) readZip(s *stream) error {
	at, size, done, err := u.randomAccess(s)
	if err != nil {
		return u.readError(s, err)
	}
	defer done()
	if n, err := countZip(at, size, u.cfg.MaxMembers); err == nil && n > u.cfg.MaxMembers {
		return u.tooMany(s) // its directory would not fit into memory either
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		u.fail(s, 0, fmt.Errorf("zip: %w", err), "the archive is damaged or cut off, its directory at the end cannot be read; get it again, or mend it with zip -FF")
		return nil
	}
	z.RegisterDecompressor(zipBzip2, func(r io.Reader) io.ReadCloser { return io.NopCloser(bzip2.NewReader(r)) })
	z.RegisterDecompressor(zipZstd, openZipZstd)
	for _, f := range z.File {
		if err := u.readZipMember(s, f); err != nil {
			return err
		}
		if offset, err := f.DataOffset(); err == nil && s.disk != nil {
			u.src.reach(min(u.pos.Size, offset+int64(min(f.CompressedSize64, 1<<62))))
		}
		if s.meter.spent() {
			return nil // reported with the member
		}
	}
	return nil
}

func openZipZstd(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
	if err != nil {
		return io.NopCloser(failing{err})
	}
	return d.IOReadCloser()
}

// failing is a reader that could not be made.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (u *unit) readZipMember(s *stream, f *zip.File) error {
	if !f.Mode().IsRegular() || u.passOver(s, f.Name) {
		return nil
	}
	inner := *s
	inner.label = valid(s.label + "!" + memberName(f.Name))
	offset, err := f.DataOffset()
	switch {
	case err != nil:
		u.fail(&inner, 0, fmt.Errorf("zip: %w", err), "the archive is damaged at this member; get it again")
		return nil
	case f.Flags&zipEncrypted != 0:
		u.fail(&inner, offset, errors.New("encrypted"), "unpack it with its password and scan the result")
		return nil
	}
	r, err := f.Open()
	if err != nil {
		u.fail(&inner, offset, fmt.Errorf("zip: compression method %d: %w", f.Method, err), "unpack it with the program that made it, or pack it again with deflate")
		return nil
	}
	defer r.Close()
	packed := min(f.CompressedSize64, 1<<62)
	return u.readMember(s, member{name: f.Name, size: int64(min(f.UncompressedSize64, windowBytes)), src: r, packed: func() int64 { return int64(packed) }})
}

// randomAccess returns s as zip and data files want it: the file itself, or a temporary one.
func (u *unit) randomAccess(s *stream) (at io.ReaderAt, size int64, done func(), err error) {
	if s.disk != nil {
		at, size, done = s.disk, u.pos.Size, func() {}
		return at, size, done, nil
	}
	f, err := os.CreateTemp(u.cfg.TempDir, "portcullis-packed-*")
	if err != nil {
		return nil, 0, nil, fmt.Errorf("keep a packed file for random access: %w", err)
	}
	// It holds somebody's mail. Where an open file can lose its name, it does at once, and a program that is killed
	// leaves nothing behind.
	nameless := os.Remove(f.Name()) == nil
	done = func() {
		f.Close()
		if !nameless {
			os.Remove(f.Name())
		}
	}
	size, err = io.Copy(f, io.LimitReader(s.w, u.cfg.MaxTemp+1))
	if err == nil && size > u.cfg.MaxTemp {
		err = fmt.Errorf("a file of more than %d bytes that must be read out of order lies inside another stream; store it as a file of its own and scan that", u.cfg.MaxTemp)
	}
	if err != nil {
		done()
		return nil, 0, nil, err
	}
	return unnamed{f}, size, done, nil
}

// unnamed is a temporary file whose name, which nobody can use, is kept out of errors.
type unnamed struct{ f *os.File }

func (t unnamed) ReadAt(p []byte, off int64) (int, error) {
	n, err := t.f.ReadAt(p, off)
	var named *fs.PathError
	if errors.As(err, &named) {
		err = named.Err
	}
	return n, err
}

// countZip counts the entries of a zip's directory up to a bound, without
// keeping them: the number that the archive states is not binding.
func countZip(at io.ReaderAt, size int64, limit int) (int, error) {
	start, err := zipDirectory(at, size)
	if err != nil {
		return 0, err
	}
	r := bufio.NewReader(io.NewSectionReader(at, start, size-start))
	var h [46]byte // APPNOTE §4.3.12
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r, h[:]); err != nil || string(h[:4]) != "PK\x01\x02" || n > limit {
			return n, nil
		}
		le := binary.LittleEndian
		rest := int(le.Uint16(h[28:])) + int(le.Uint16(h[30:])) + int(le.Uint16(h[32:]))
		if _, err := r.Discard(rest); err != nil {
			return n, nil
		}
	}
}

// zipDirectory finds where the directory begins, from the end of the file
// (APPNOTE §4.3.16, and §4.3.15 for archives beyond 4 GiB).
func zipDirectory(at io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, min(size, 22+1<<16))
	if _, err := at.ReadAt(buf, size-int64(len(buf))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	le := binary.LittleEndian
	for i := len(buf) - 22; i >= 0; i-- {
		if string(buf[i:i+4]) != "PK\x05\x06" {
			continue
		}
		end := size - int64(len(buf)) + int64(i)
		start := end - int64(le.Uint32(buf[i+12:])) // its size back: right also where something stands before the archive
		if i >= 20 && string(buf[i-20:i-16]) == "PK\x06\x07" {
			start = zip64Directory(at, int64(le.Uint64(buf[i-12:])))
		}
		if start < 0 || start > size {
			return 0, errors.New("zip directory outside the file")
		}
		return start, nil
	}
	return 0, errors.New("zip directory not found")
}

func zip64Directory(at io.ReaderAt, record int64) int64 {
	var h [56]byte
	if record < 0 {
		return -1
	}
	if _, err := at.ReadAt(h[:], record); err != nil || string(h[:4]) != "PK\x06\x06" {
		return -1
	}
	return record - int64(binary.LittleEndian.Uint64(h[40:]))
}
