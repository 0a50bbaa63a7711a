package attach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bodgit/sevenzip"
	"github.com/ulikunitz/xz/lzma"
)

// The library for 7z gives a decompressor as large a window as the archive asks
// for, up to gigabytes. So the header is read here first: its coders are found
// by their ids, and an archive that asks for more than Limits.Dictionary is not
// opened. The same look tells archives with encrypted content or names.

var errSevenZip = errors.New("7z header is damaged or of an unusual form")

// openSevenZip opens an archive whose header was found harmless.
func (in *inspection) openSevenZip(c content) {
	in.nested(c)
	header, err := sevenZipHeader(c.data, in.b.Limits.Dictionary)
	if err != nil {
		in.incomplete("%s: %v", c.label(), err)
		return
	}
	encrypted := bytes.Contains(header, []byte("\x06\xf1\x07\x01"))
	if encrypted && len(header) > 0 && header[0] == 0x17 {
		in.locked(c, "", "7z, names encrypted too")
		return
	}
	if need := largestWindow(header); need > uint64(in.b.Limits.Dictionary) {
		in.incomplete("%s: 7z that asks for a window of %d bytes, at most %d are given", c.label(), need, in.b.Limits.Dictionary)
		return
	}
	r, err := sevenzip.NewReader(bytes.NewReader(c.data), int64(len(c.data)))
	if err != nil {
		in.unpackFailed(c, "", err)
		return
	}
	for _, f := range r.File {
		if !in.sevenZipMember(c, f, encrypted) {
			return
		}
	}
}

func (in *inspection) sevenZipMember(c content, f *sevenzip.File, encrypted bool) bool {
	if f.FileInfo().IsDir() {
		return true
	}
	if !in.b.takeMember() {
		in.outOfMembers(c)
		return false
	}
	if encrypted {
		in.locked(c, f.Name, "7z, content encrypted")
		return true
	}
	rc, err := f.Open()
	if err != nil {
		in.unpackFailed(c, f.Name, err)
		return !strings.Contains(err.Error(), "password")
	}
	defer rc.Close()
	data, err := in.unpack(rc, int64(len(c.data)))
	if err != nil {
		in.unpackFailed(c, f.Name, err)
	}
	in.member(c, f.Name, data)
	return !errors.Is(err, errBudget) && !errors.Is(err, errBomb)
}

// sevenZipHeader returns the header as the library will see it, unpacked once
// if it is packed (7zFormat.txt, "EncodedHeader").
func sevenZipHeader(data []byte, window int64) ([]byte, error) {
	if len(data) < 32 {
		return nil, errSevenZip
	}
	offset, size := binary.LittleEndian.Uint64(data[12:]), binary.LittleEndian.Uint64(data[20:])
	if size == 0 {
		return nil, nil
	}
	if offset > uint64(len(data)) || size > uint64(len(data)) || 32+offset+size > uint64(len(data)) {
		return nil, errSevenZip
	}
	header := data[32+offset : 32+offset+size]
	if header[0] != 0x17 || bytes.Contains(header, []byte("\x06\xf1\x07\x01")) {
		return header, nil
	}
	if largestWindow(header) > uint64(window) {
		return nil, fmt.Errorf("7z header that asks for a window of more than %d bytes", window)
	}
	return unpackHeader(data, header)
}

// maxSevenZipHeader bounds the list of names.
const maxSevenZipHeader = 8 << 20

// unpackHeader unpacks a header of the form that all programs write: one packed
// stream, one folder, one LZMA coder.
func unpackHeader(data, header []byte) ([]byte, error) {
	r := bytes.NewReader(header[1:])
	number := func() uint64 { return sevenZipNumber(r) }
	if number() != 0x06 {
		return nil, errSevenZip
	}
	pos, streams := number(), number()
	if streams != 1 || number() != 0x09 {
		return nil, errSevenZip
	}
	packed := number()
	coder := bytes.Index(header, []byte("\x23\x03\x01\x01\x05"))
	if coder < 0 || coder+10 > len(header) || pos > uint64(len(data)) || packed > uint64(len(data)) || 32+pos+packed > uint64(len(data)) {
		return nil, errSevenZip
	}
	rest := bytes.NewReader(header[coder+10:])
	if sevenZipNumber(rest) != 0x0c {
		return nil, errSevenZip
	}
	size := sevenZipNumber(rest)
	if size > maxSevenZipHeader {
		return nil, fmt.Errorf("7z header of %d bytes, at most %d are read", size, maxSevenZipHeader)
	}
	head := binary.LittleEndian.AppendUint64(bytes.Clone(header[coder+5:coder+10]), size)
	z, err := lzma.NewReader(io.MultiReader(bytes.NewReader(head), bytes.NewReader(data[32+pos:32+pos+packed])))
	if err != nil {
		return nil, fmt.Errorf("unpack 7z header: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxSevenZipHeader))
	if err != nil {
		return nil, fmt.Errorf("unpack 7z header: %w", err)
	}
	if len(out) > 0 && out[0] == 0x17 {
		return nil, errSevenZip // packed twice: nobody writes that
	}
	return out, nil
}

// sevenZipNumber reads a number whose first byte tells how many follow.
func sevenZipNumber(r *bytes.Reader) uint64 {
	first, err := r.ReadByte()
	if err != nil {
		return 1 << 62
	}
	var value uint64
	mask := byte(0x80)
	for i := range 8 {
		if first&mask == 0 {
			return value | uint64(first&(mask-1))<<(8*i)
		}
		b, err := r.ReadByte()
		if err != nil {
			return 1 << 62
		}
		value |= uint64(b) << (8 * i)
		mask >>= 1
	}
	return value
}

// largestWindow finds the coders in a header that name a window: LZMA and PPMd
// with 32 bits, LZMA2 with an exponent. Bytes that look like a coder by chance
// can only make an archive be refused, never let one pass.
func largestWindow(header []byte) uint64 {
	var most uint64
	for _, id := range []string{"\x03\x01\x01", "\x03\x04\x01"} {
		for at := 0; ; {
			i := bytes.Index(header[at:], []byte(id))
			if i < 0 {
				break
			}
			at += i + 3
			if at+6 <= len(header) && header[at] == 5 {
				most = max(most, uint64(binary.LittleEndian.Uint32(header[at+2:])))
			}
		}
	}
	for i := 0; i+3 < len(header); i++ {
		if header[i] == 0x21 && header[i+1] == 0x21 && header[i+2] == 1 && header[i+3] <= 40 {
			most = max(most, uint64(2|header[i+3]&1)<<(header[i+3]/2+11))
		}
	}
	return most
}
