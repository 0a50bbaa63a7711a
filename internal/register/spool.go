package register

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"portcullis.example/portcullis"
)

// Raised is one line of the spool: a finding and the event it rests on.
type Raised struct {
	Schema  int                `json:"schema"`
	Event   portcullis.Event   `json:"event"`
	Finding portcullis.Finding `json:"finding"`
}

// Spool is a folder with one file of JSON lines per day. The guard adds; the mail side reads
// from where it has come ([ReadSpool]) and changes nothing: the two share no other storage.
type Spool struct {
	dir  string
	mu   sync.Mutex // guards what follows
	file *os.File
	day  string
	size int64
}

// maxSpoolDay bounds a day's file, so that a flood of findings does not fill the disk of the ledger.
const maxSpoolDay = 64 << 20

var errSpoolFull = errors.New("the day's findings have reached 64 MB; further ones are in the log only")

// OpenSpool makes the folder.
func OpenSpool(dir string) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("register: findings: %w", err)
	}
	return &Spool{dir: dir}, nil
}

// Put adds one, and has it on the disk.
func (s *Spool) Put(r Raised) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.turn(r.Event.Time.UTC().Format(time.DateOnly)); err != nil {
		return err
	}
	if s.size += int64(len(line) + 1); s.size > maxSpoolDay {
		return errSpoolFull
	}
	if _, err := s.file.Write(append(line, '\n')); err != nil {
		return err
	}
	return s.file.Sync()
}

// turn opens the file of a day.
func (s *Spool) turn(day string) error {
	if s.file != nil && s.day == day {
		return nil
	}
	if s.file != nil {
		_ = s.file.Close()
	}
	var err error
	if s.file, err = os.OpenFile(filepath.Join(s.dir, day+".ndjson"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		s.file = nil
		return err
	}
	s.day = day
	s.size, err = s.file.Seek(0, io.SeekEnd)
	return err
}

// Close closes the day's file.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// maxLine is far more than one finding takes.
const maxLine = 1 << 20

// ReadSpool hands on what was raised since a place, "" for all, and returns the place to go on
// from. A line that is not whole yet is left for the next time.
func ReadSpool(dir, place string, fn func(Raised) error) (next string, err error) {
	after, offset := "", int64(0)
	if place != "" {
		if _, err := fmt.Sscanf(place, "%10s %d", &after, &offset); err != nil {
			return place, fmt.Errorf("place %q in the register's findings: %w", place, err)
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "????-??-??.ndjson"))
	if err != nil {
		return place, err
	}
	slices.Sort(names)
	next = place
	for _, name := range names {
		day := strings.TrimSuffix(filepath.Base(name), ".ndjson")
		if day < after {
			continue
		}
		from := int64(0)
		if day == after {
			from = offset
		}
		end, err := readDay(name, from, fn)
		next = fmt.Sprintf("%s %d", day, end)
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

func readDay(name string, from int64, fn func(Raised) error) (int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return from, err
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return from, err
	}
	in := bufio.NewReaderSize(f, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return from, nil
		}
		if err != nil {
			return from, fmt.Errorf("%s at byte %d: %w", name, from, err)
		}
		var r Raised
		if err := json.Unmarshal(line, &r); err != nil {
			return from, fmt.Errorf("%s at byte %d: %w", name, from, err)
		}
		if err := fn(r); err != nil {
			return from, err
		}
		from += int64(len(line))
	}
}
