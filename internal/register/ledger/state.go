package ledger

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// state says how far the log goes. Replacing its file is what makes leaves count: until then
// what they hold is in the write-ahead log.
type state struct {
	Schema  int       `json:"schema"`
	Size    int64     `json:"size"`    // leaves
	Root    tlog.Hash `json:"root"`    // of the tree over them
	Sealed  uint64    `json:"sealed"`  // up to this record the write-ahead log is in leaves
	Alive   int64     `json:"alive"`   // time of the newest record in them, microseconds
	Indexed int64     `json:"indexed"` // leaves that the index covers
	Keys    []keyMark `json:"keys,omitempty"`
}

const stateFile = "state"

func (s state) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(body, "\n%08x\n", crc32.Checksum(body, castagnoli)), nil
}

func parseState(data []byte) (s state, err error) {
	body, sum, ok := strings.Cut(string(data), "\n")
	if !ok || sum != fmt.Sprintf("%08x\n", crc32.Checksum([]byte(body), castagnoli)) {
		return s, errors.New("damaged: restore it from a copy; the log beside it may be whole all the same")
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return s, err
	}
	switch {
	case s.Schema != 1:
		return s, fmt.Errorf("schema %d: this version reads 1; use a newer one", s.Schema)
	case s.Size < 0 || s.Indexed < 0 || s.Indexed > s.Size:
		return s, errors.New("sizes that can't be")
	}
	return s, nil
}

func readState(dir string) (state, error) {
	data, err := readLimited(filepath.Join(dir, stateFile), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return state{Schema: 1, Root: (&edge{}).root()}, nil
	}
	if err != nil {
		return state{}, fmt.Errorf("read state: %w", err)
	}
	s, err := parseState(data)
	if err != nil {
		return state{}, fmt.Errorf("state %s: %w", filepath.Join(dir, stateFile), err)
	}
	return s, nil
}

// Checkpoint is a signed statement of what the log held: kept elsewhere, it holds the
// operator to it.
type Checkpoint struct {
	Origin string
	Size   int64
	Root   tlog.Hash
}

func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// maxCheckpoint bounds what is read as one: three lines and some signatures.
const maxCheckpoint = 64 << 10

// OpenCheckpoint reads a checkpoint (C2SP tlog-checkpoint), if one of the verifiers knows a
// signature on it: the log's own, or a witness's.
func OpenCheckpoint(msg []byte, origin string, known note.Verifiers) (Checkpoint, error) {
	if len(msg) > maxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint: %d bytes are too many for one", len(msg))
	}
	n, err := note.Open(msg, known)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	first, rest, _ := strings.Cut(n.Text, "\n")
	c := Checkpoint{Origin: first}
	var root string
	if _, err := fmt.Sscanf(rest, "%d\n%s\n", &c.Size, &root); err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: want origin, size and root: %w", err)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(root)
	if err != nil || len(raw) != len(c.Root) || c.Size < 0 {
		return Checkpoint{}, errors.New("checkpoint: its size or its root is damaged")
	}
	copy(c.Root[:], raw)
	if !strings.HasPrefix(n.Text, c.text()) {
		return Checkpoint{}, errors.New("checkpoint: its first three lines are not in the canonical form")
	}
	if c.Origin != origin {
		return Checkpoint{}, fmt.Errorf("checkpoint: it is of the log %q, not of %q", c.Origin, origin)
	}
	return c, nil
}
