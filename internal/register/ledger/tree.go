package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileWidth  = 256 // C2SP tlog-tiles: height 8
	tileHeight = 8
	maxLevels  = 6 // 256^6 leaves
	maxBundle  = tileWidth * (2 + maxLeaf)
)

// edge is the right edge of the tree: at each level the hashes of the tile that isn't full
// yet. From it the root follows, and it is all that appending needs.
type edge struct {
	levels [maxLevels][]tlog.Hash
	size   int64
}

// add puts a leaf's hash on the edge. full is called for each tile that becomes whole.
func (e *edge) add(h tlog.Hash, full func(level int, n int64, hashes []tlog.Hash) error) error {
	e.size++
	n := e.size
	for level := range e.levels {
		e.levels[level] = append(e.levels[level], h)
		n /= tileWidth
		if len(e.levels[level]) < tileWidth {
			return nil
		}
		if full != nil {
			if err := full(level, n-1, e.levels[level]); err != nil {
				return err
			}
		}
		h = subtree(e.levels[level])
		e.levels[level] = e.levels[level][:0]
	}
	return errors.New("the log has as many leaves as it can hold")
}

// root is the tree's hash (RFC 9162 §2.1.1). Every hash but the last of a level stands for a
// full tree of the same size, so that the definition's split is one of the list.
func (e *edge) root() tlog.Hash {
	var carry []tlog.Hash
	for _, hashes := range e.levels {
		if row := append(hashes[:len(hashes):len(hashes)], carry...); len(row) > 0 {
			carry = []tlog.Hash{subtree(row)}
		}
	}
	if len(carry) == 0 {
		return sha256.Sum256(nil)
	}
	return carry[0]
}

func subtree(h []tlog.Hash) tlog.Hash {
	if len(h) == 1 {
		return h[0]
	}
	half := 1
	for half*2 < len(h) {
		half *= 2
	}
	return tlog.NodeHash(subtree(h[:half]), subtree(h[half:]))
}

// loadEdge reads the tiles at the right edge of a log of this size, and checks them against the root.
func loadEdge(dir string, size int64, root tlog.Hash) (*edge, error) {
	e := &edge{size: size}
	for level, n := 0, size; n > 0 && level < maxLevels; level, n = level+1, n/tileWidth {
		width := int(n % tileWidth)
		if width == 0 {
			continue
		}
		hashes, err := readTile(dir, level, n/tileWidth, width)
		if err != nil {
			return nil, err
		}
		e.levels[level] = hashes
	}
	if e.root() != root {
		return nil, fmt.Errorf("the newest tiles in %s do not give the root the ledger had after %d leaves: verify it, and restore the tiles from a copy", dir, size)
	}
	return e, nil
}

// tilePath is where C2SP tlog-tiles has a tile; level -1 are the entries. Width 0 is a full one.
func tilePath(level int, n int64, width int) string {
	var b strings.Builder
	b.WriteString("tile/")
	if level < 0 {
		b.WriteString("entries")
	} else {
		fmt.Fprint(&b, level)
	}
	digits := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		digits = fmt.Sprintf("x%03d/%s", n%1000, digits)
	}
	b.WriteString("/" + digits)
	if width%tileWidth != 0 {
		fmt.Fprintf(&b, ".p/%d", width)
	}
	return filepath.FromSlash(b.String())
}

func readTile(dir string, level int, n int64, width int) ([]tlog.Hash, error) {
	data, err := readLimited(filepath.Join(dir, tilePath(level, n, width)), tileWidth*tlog.HashSize)
	if errors.Is(err, fs.ErrNotExist) && width < tileWidth {
		// A full tile may have taken the place of the partial one.
		if whole, again := readLimited(filepath.Join(dir, tilePath(level, n, 0)), tileWidth*tlog.HashSize); again == nil && len(whole) == tileWidth*tlog.HashSize {
			data, err = whole[:width*tlog.HashSize], nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read tile: %w", err)
	}
	if len(data) != width*tlog.HashSize {
		return nil, fmt.Errorf("tile %s has %d bytes: want %d", tilePath(level, n, width), len(data), width*tlog.HashSize)
	}
	hashes := make([]tlog.Hash, width)
	for i := range hashes {
		copy(hashes[i][:], data[i*tlog.HashSize:])
	}
	return hashes, nil
}

// bundle is a stretch of up to 256 leaves as it lies on the disk: each behind its length.
type bundle struct {
	data  []byte
	start []int // of each leaf's length, and the end
}

var errBundle = errors.New("the lengths of its leaves do not fit its size")

func parseBundle(data []byte, want int) (bundle, error) {
	b := bundle{data: data, start: make([]int, 1, want+1)}
	at := 0
	for range want {
		if len(data)-at < 2 {
			return b, errBundle
		}
		if at += 2 + int(binary.BigEndian.Uint16(data[at:])); at > len(data) {
			return b, errBundle
		}
		b.start = append(b.start, at)
	}
	if at != len(data) {
		return b, errBundle
	}
	return b, nil
}

func (b bundle) leaf(i int) []byte { return b.data[b.start[i]+2 : b.start[i+1]] }

func (b bundle) len() int { return len(b.start) - 1 }

func (b bundle) append(leaf []byte) bundle {
	if len(b.start) == 0 {
		b.start = []int{0}
	}
	b.data = binary.BigEndian.AppendUint16(b.data, uint16(len(leaf)))
	b.data = append(b.data, leaf...)
	b.start = append(b.start, len(b.data))
	return b
}

// readBundle reads the leaves n·256 and following of a log of that size. A bundle that was
// partial when the log had this size may be whole by now.
func readBundle(dir string, n, size int64) (bundle, error) {
	width := int(min(tileWidth, size-n*tileWidth))
	data, err := readLimited(filepath.Join(dir, tilePath(-1, n, width)), maxBundle)
	if errors.Is(err, fs.ErrNotExist) && width < tileWidth {
		if data, err = readLimited(filepath.Join(dir, tilePath(-1, n, 0)), maxBundle); err == nil {
			b, err := parseBundle(data, tileWidth)
			if err != nil {
				return b, fmt.Errorf("bundle %s: %w", tilePath(-1, n, 0), err)
			}
			return bundle{b.data[:b.start[width]], b.start[:width+1]}, nil
		}
	}
	if err != nil {
		return bundle{}, fmt.Errorf("read bundle: %w", err)
	}
	b, err := parseBundle(data, width)
	if err != nil {
		return b, fmt.Errorf("bundle %s: %w", tilePath(-1, n, width), err)
	}
	return b, nil
}

// hashReader gives tlog the hashes it asks for, from the tiles of a log of that size.
func hashReader(dir string, size int64) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			t := tlog.TileForIndex(tileHeight, index)
			width := int(min(tileWidth, size>>(tileHeight*t.L)-t.N*tileWidth))
			hashes, err := readTile(dir, t.L, t.N, width)
			if err != nil {
				return nil, err
			}
			t.W = width
			flat := make([]byte, 0, width*tlog.HashSize)
			for _, h := range hashes {
				flat = append(flat, h[:]...)
			}
			if out[i], err = tlog.HashFromTile(t, flat, index); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}
