package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/klauspost/compress/zstd"
)

// A backup is one file that either dialect writes and either reads:
//
//	magic     8 bytes "PCBACKUP"
//	records   a zstd stream
//	checksum  32 bytes, SHA-256 of all before
//
// A record is a letter and its content. H, the first, holds a dumpHeader; T begins a
// table with a dumpTable; R is a row; E ends the table with the number of its rows; Z
// ends the file with the number of its tables. H and T are JSON behind its length, numbers
// are varints. A value in a row is a letter and its content: n (NULL), i (varint), f (IEEE
// 754, 8 bytes, big-endian), t (text) and b (bytes) behind their length.
const (
	dumpMagic  = "PCBACKUP"
	dumpSchema = 1
	sumSize    = sha256.Size
)

// Limits of what is read. SQLite's own limit of a value is 10⁹ bytes.
const (
	maxDumpJSON    = 1 << 20
	maxDumpValue   = 1_000_000_000
	maxDumpColumns = 2000
	maxDumpWindow  = 32 << 20
)

// ErrBadBackup says that a file is not a backup, or not whole any more.
var ErrBadBackup = errors.New("the backup is damaged, incomplete, or not a backup; use another one")

type dumpHeader struct {
	Schema   int      `json:"schema"`
	Created  int64    `json:"created"` // µs UTC
	Dialect  string   `json:"dialect"`
	Versions versions `json:"versions"`
}

type dumpTable struct {
	Name    string   `json:"name"`
	Columns []string `json:"columns"`
	Last    int64    `json:"last,omitempty"` // highest number its sequence gave out
}

// dumpWriter writes a backup. Errors are kept by the buffers and come out of Close.
type dumpWriter struct {
	sum     hash.Hash
	raw     io.Writer // file and sum
	zip     *zstd.Encoder
	buf     *bufio.Writer
	scratch []byte
	tables  uint64
	rows    uint64
	total   uint64
}

func newDumpWriter(w io.Writer, header dumpHeader) (*dumpWriter, error) {
	d := &dumpWriter{sum: sha256.New()}
	d.raw = io.MultiWriter(w, d.sum)
	if _, err := io.WriteString(d.raw, dumpMagic); err != nil {
		return nil, err
	}
	var err error
	if d.zip, err = zstd.NewWriter(d.raw, zstd.WithEncoderConcurrency(1)); err != nil {
		return nil, err
	}
	d.buf = bufio.NewWriterSize(d.zip, 1<<16)
	return d, d.json('H', header)
}

func (d *dumpWriter) json(tag byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	d.scratch = append(d.scratch[:0], tag)
	d.scratch = binary.AppendUvarint(d.scratch, uint64(len(text)))
	d.scratch = append(d.scratch, text...)
	_, err = d.buf.Write(d.scratch)
	return err
}

func (d *dumpWriter) table(t dumpTable) error {
	d.tables++
	d.rows = 0
	return d.json('T', t)
}

func (d *dumpWriter) row(values []any) (err error) {
	d.rows++
	d.total++
	d.scratch = append(d.scratch[:0], 'R')
	for _, v := range values {
		if d.scratch, err = appendValue(d.scratch, v); err != nil {
			return err
		}
	}
	_, err = d.buf.Write(d.scratch)
	return err
}

func appendValue(b []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(b, 'n'), nil
	case int64:
		return binary.AppendVarint(append(b, 'i'), v), nil
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v)), nil
	case string:
		return append(binary.AppendUvarint(append(b, 't'), uint64(len(v))), v...), nil
	case []byte:
		return append(binary.AppendUvarint(append(b, 'b'), uint64(len(v))), v...), nil
	}
	return nil, fmt.Errorf("a value of type %T can't be backed up", value)
}

func (d *dumpWriter) endTable() error { return d.number('E', d.rows) }

func (d *dumpWriter) number(tag byte, n uint64) error {
	_, err := d.buf.Write(binary.AppendUvarint([]byte{tag}, n))
	return err
}

// close ends the file; the caller syncs it.
func (d *dumpWriter) close() error {
	if err := d.number('Z', d.tables); err != nil {
		return err
	}
	if err := d.buf.Flush(); err != nil {
		return err
	}
	if err := d.zip.Close(); err != nil {
		return err
	}
	_, err := d.raw.Write(d.sum.Sum(nil))
	return err
}

// verifyDump reads the whole file and compares its checksum.
func verifyDump(r io.ReaderAt, size int64) error {
	if size < int64(len(dumpMagic)+sumSize) {
		return fmt.Errorf("%w: it has %d bytes", ErrBadBackup, size)
	}
	var magic [len(dumpMagic)]byte
	if _, err := r.ReadAt(magic[:], 0); err != nil {
		return err
	}
	if string(magic[:]) != dumpMagic {
		return fmt.Errorf("%w: it does not begin with %q", ErrBadBackup, dumpMagic)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size-sumSize)); err != nil {
		return err
	}
	var want [sumSize]byte
	if _, err := r.ReadAt(want[:], size-sumSize); err != nil {
		return err
	}
	if got := sum.Sum(nil); !bytes.Equal(got, want[:]) {
		return fmt.Errorf("%w: checksum %x, want %x", ErrBadBackup, got[:8], want[:8])
	}
	return nil
}

// dumpReader reads the records of a verified backup. It trusts them no further: the
// checksum guards against accidents and not against a forger.
type dumpReader struct {
	zip    *zstd.Decoder
	buf    *bufio.Reader
	header dumpHeader
	tables uint64
}

func newDumpReader(r io.ReaderAt, size int64) (*dumpReader, error) {
	body := io.NewSectionReader(r, int64(len(dumpMagic)), size-int64(len(dumpMagic))-sumSize)
	zip, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDumpWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadBackup, err)
	}
	d := &dumpReader{zip: zip, buf: bufio.NewReaderSize(zip, 1<<16)}
	if err := d.expect('H'); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if err := d.json(&d.header); err != nil {
		return nil, errors.Join(err, d.close())
	}
	if d.header.Schema > dumpSchema {
		return nil, errors.Join(fmt.Errorf("the backup has format %d, this program knows %d; use a newer program",
			d.header.Schema, dumpSchema), d.close())
	}
	return d, nil
}

func (d *dumpReader) close() error {
	d.zip.Close()
	return nil
}

func bad(what string, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %s: %w", ErrBadBackup, what, err)
}

func (d *dumpReader) expect(tag byte) error {
	got, err := d.buf.ReadByte()
	if err != nil {
		return bad("record", err)
	}
	if got != tag {
		return fmt.Errorf("%w: record %q where %q should be", ErrBadBackup, got, tag)
	}
	return nil
}

func (d *dumpReader) json(v any) error {
	text, err := d.bytes(maxDumpJSON)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return bad("record", err)
	}
	return nil
}

// bytes reads a length and as many bytes. It takes no memory on the word of the length.
func (d *dumpReader) bytes(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(d.buf)
	if err != nil {
		return nil, bad("length", err)
	}
	if n > limit {
		return nil, fmt.Errorf("%w: a value of %d bytes, limit %d", ErrBadBackup, n, limit)
	}
	if n <= 1<<16 {
		b := make([]byte, n)
		if _, err := io.ReadFull(d.buf, b); err != nil {
			return nil, bad("value", err)
		}
		return b, nil
	}
	var b bytes.Buffer
	if _, err := io.CopyN(&b, d.buf, int64(n)); err != nil {
		return nil, bad("value", err)
	}
	return b.Bytes(), nil
}

// nextTable returns nil after the last one.
func (d *dumpReader) nextTable() (*dumpTable, error) {
	tag, err := d.buf.ReadByte()
	switch {
	case err != nil:
		return nil, bad("record", err)
	case tag == 'Z':
		return nil, d.number("tables", d.tables)
	case tag != 'T':
		return nil, fmt.Errorf("%w: record %q where a table should be", ErrBadBackup, tag)
	}
	d.tables++
	var t dumpTable
	if err := d.json(&t); err != nil {
		return nil, err
	}
	if t.Name == "" || len(t.Columns) == 0 || len(t.Columns) > maxDumpColumns {
		return nil, fmt.Errorf("%w: table %q has %d columns", ErrBadBackup, t.Name, len(t.Columns))
	}
	return &t, nil
}

// row fills values with the next row; false after the last one.
func (d *dumpReader) row(values []any, read uint64) (bool, error) {
	tag, err := d.buf.ReadByte()
	switch {
	case err != nil:
		return false, bad("record", err)
	case tag == 'E':
		return false, d.number("rows", read)
	case tag != 'R':
		return false, fmt.Errorf("%w: record %q where a row should be", ErrBadBackup, tag)
	}
	for i := range values {
		if values[i], err = d.value(); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (d *dumpReader) number(what string, want uint64) error {
	n, err := binary.ReadUvarint(d.buf)
	if err != nil {
		return bad("number of "+what, err)
	}
	if n != want {
		return fmt.Errorf("%w: %d %s, want %d", ErrBadBackup, want, what, n)
	}
	return nil
}

func (d *dumpReader) value() (any, error) {
	tag, err := d.buf.ReadByte()
	if err != nil {
		return nil, bad("value", err)
	}
	switch tag {
	case 'n':
		return nil, nil
	case 'i':
		n, err := binary.ReadVarint(d.buf)
		if err != nil {
			return nil, bad("value", err)
		}
		return n, nil
	case 'f':
		var b [8]byte
		if _, err := io.ReadFull(d.buf, b[:]); err != nil {
			return nil, bad("value", err)
		}
		return math.Float64frombits(binary.BigEndian.Uint64(b[:])), nil
	case 't':
		text, err := d.bytes(maxDumpValue)
		return string(text), err
	case 'b':
		return d.bytes(maxDumpValue)
	}
	return nil, fmt.Errorf("%w: value of kind %q", ErrBadBackup, tag)
}
