package copies

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A filter's file is a line that names the format, a line of JSON (Header), the blocks and
// the set of words as little-endian integers, and the SHA-256 of all that.
const magic = "portcullis register filter 1\n"

// maxHeader bounds the line of JSON.
const maxHeader = 2 << 20

// WriteTo writes the filter, without its key.
func (f *Filter) WriteTo(w io.Writer) (int64, error) {
	head, err := json.Marshal(&f.Header)
	if err != nil {
		return 0, err
	}
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<18)
	_, _ = out.WriteString(magic) // a bufio.Writer keeps its first error for Flush
	_, _ = out.Write(append(head, '\n'))
	var raw [slots * 4]byte
	for i := range f.table.blocks {
		putBlock(raw[:], &f.table.blocks[i])
		_, _ = out.Write(raw[:])
	}
	for _, v := range f.words.bits {
		_, _ = out.Write(binary.LittleEndian.AppendUint64(raw[:0], v))
	}
	if err := out.Flush(); err != nil {
		return 0, fmt.Errorf("write the filter: %w", err)
	}
	n, err := w.Write(sum.Sum(nil))
	return int64(len(magic)+len(head)+1+n) + f.sizeBytes(), err
}

// Read reads a filter and refuses one that was made with another key, or is damaged.
func Read(r io.Reader, key *Key) (*Filter, error) {
	sum := sha256.New()
	plain := bufio.NewReaderSize(r, 1<<18)
	in := io.TeeReader(plain, sum)
	f := &Filter{key: key}
	if err := readHeader(in, plain, &f.Header, sum); err != nil {
		return nil, err
	}
	if f.Key != key.id {
		return nil, fmt.Errorf("copies: the filter %q was made with key %s, not %s: name the key file it was made with", f.Label, f.Key, key.id)
	}
	if err := f.readTables(in); err != nil {
		return nil, fmt.Errorf("copies: the filter %q is cut off or damaged (%w): make it anew", f.Label, err)
	}
	var want [sha256.Size]byte
	if _, err := io.ReadFull(plain, want[:]); err != nil || !bytes.Equal(want[:], sum.Sum(nil)) {
		return nil, fmt.Errorf("copies: the filter %q is damaged: its checksum is not that of what it holds; make it anew", f.Label)
	}
	f.index()
	return f, nil
}

func readHeader(in io.Reader, plain *bufio.Reader, h *Header, sum io.Writer) error {
	line := make([]byte, len(magic))
	if _, err := io.ReadFull(in, line); err != nil || string(line) != magic {
		return errors.New("copies: this is no register filter: `portcullis register find-copies --learn` makes one")
	}
	var head []byte
	for {
		part, err := plain.ReadSlice('\n')
		head = append(head, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) || len(head) > maxHeader {
			return errors.New("copies: the filter's header has no end")
		}
	}
	_, _ = sum.Write(head) // a hash never fails
	if err := json.Unmarshal(head, h); err != nil {
		return fmt.Errorf("copies: the filter's header: %w", err)
	}
	return h.sizes()
}

// readTables reads as much as the header claims, and grows with what is really there.
func (f *Filter) readTables(in io.Reader) error {
	var raw [slots * 4]byte
	f.table.blocks = make([][slots]uint32, 0, min(f.Blocks, 1<<14))
	for range f.Blocks {
		if _, err := io.ReadFull(in, raw[:]); err != nil {
			return err
		}
		var b [slots]uint32
		getBlock(&b, raw[:])
		f.table.blocks = append(f.table.blocks, b)
	}
	f.words.bits = make([]uint64, f.Words)
	for i := range f.words.bits {
		if _, err := io.ReadFull(in, raw[:8]); err != nil {
			return err
		}
		f.words.bits[i] = binary.LittleEndian.Uint64(raw[:])
	}
	return nil
}

// Fingerprint names a filter by what it holds, for the state of a run.
func (f *Filter) Fingerprint() string {
	head, err := json.Marshal(&f.Header)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:8])
}
