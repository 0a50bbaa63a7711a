package copies

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// state remembers which files were looked through, in a file of JSON lines that only
// grows: each is written with one call, so that a kill loses at most the last.
type state struct {
	mu   sync.Mutex // guards out
	out  *os.File
	seen map[string]kept
	with string
}

// kept is a line of the file.
type kept struct {
	Path     string    `json:"path"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	With     string    `json:"with"` // with which filters
	Copies   []Copy    `json:"copies,omitempty"`
}

// maxLine bounds a line: the copies in one archive.
const maxLine = 64 << 20

func openState(path string, cfg Config) (*state, error) {
	s := &state{seen: map[string]kept{}, with: signature(cfg)}
	if path == "" {
		return s, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("copies: the file that remembers what was looked through: %w", err)
	}
	end, err := s.load(f)
	if err == nil {
		err = f.Truncate(end) // a line that a kill cut off
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("copies: %s: %w", path, err), f.Close())
	}
	s.out = f
	return s, nil
}

// signature names what was looked for.
func signature(cfg Config) string {
	all := fmt.Sprintf("1 %d", cfg.AtLeast)
	for _, s := range cfg.Sets {
		all += " " + s.Fingerprint()
	}
	return all
}

// load reads whole lines and returns where they end.
func (s *state) load(f io.Reader) (end int64, err error) {
	in := bufio.NewReaderSize(f, 1<<20)
	for {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return end, nil
		}
		if err != nil {
			return end, err
		}
		var k kept
		if json.Unmarshal(line, &k) != nil || k.Path == "" {
			return end, errors.New("this is no record of an earlier run; name another file, or remove it")
		}
		end += int64(len(line))
		if k.With == s.with {
			s.seen[k.Path] = k
		}
	}
}

// readLine reads a whole line; what has no end is as if it were not there.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(line) > maxLine:
			return nil, errors.New("a line has no end")
		}
	}
}

// has tells what a file came to when it was looked through as it is now.
func (s *state) has(f file) ([]Copy, bool) {
	k, ok := s.seen[absolute(f.path)]
	if !ok || k.Size != f.info.Size() || !k.Modified.Equal(f.info.ModTime()) {
		return nil, false
	}
	return k.Copies, true
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// put remembers a file.
func (s *state) put(f file, found []Copy) error {
	if s.out == nil {
		return nil
	}
	line, err := json.Marshal(kept{Path: absolute(f.path), Size: f.info.Size(), Modified: f.info.ModTime(), With: s.with, Copies: found})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.out.Write(append(bytes.TrimSpace(line), '\n')); err != nil {
		return fmt.Errorf("copies: remember what was looked through: %w", err)
	}
	return nil
}

func (s *state) close() error {
	if s.out == nil {
		return nil
	}
	return errors.Join(s.out.Sync(), s.out.Close())
}
