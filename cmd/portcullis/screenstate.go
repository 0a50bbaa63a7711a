package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"portcullis.example/portcullis/internal/screening"
	"portcullis.example/portcullis/internal/screening/ledger"
)

// runState remembers beside the output file how far a run is, so that the same command
// goes on there. Without an output file it remembers nothing.
type runState struct {
	Schema int    `json:"schema"`
	Rows   int    `json:"rows"`  // done, and in the output
	Bytes  int64  `json:"bytes"` // of the output that belong to them
	Terms  string `json:"terms"` // hash of command, lists and matcher
	Input  string `json:"input"` // name of the file
	path   string // of the output; "" is standard output
	out    *os.File
}

func (s *runState) sidecar() string { return s.path + ".progress" }

// begin finds an earlier run, or begins one.
func (c *screenNameCommand) begin(ctx context.Context, l *ledger.Ledger, format string) (*runState, error) {
	all, err := l.Lists(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ledger.ErrNoLists
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%v %v %v %q %q %q\n", screening.MatcherVersion, format, c.All, c.Best, c.Threshold, c.Column, c.Columns, c.Schema)
	for _, v := range all {
		fmt.Fprintln(h, v.List, v.SHA256)
	}
	s := &runState{Schema: 1, Terms: hex.EncodeToString(h.Sum(nil)), Input: c.File, path: c.Out}
	if c.Out == "" {
		return s, nil
	}
	return s, s.find(c.Out)
}

// find reads what an earlier run left.
func (s *runState) find(path string) error {
	raw, err := os.ReadFile(s.sidecar())
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(path); err == nil {
			return exitError{exitIncomplete, fmt.Errorf("%s is there already and is not written over; name another file or remove it", path)}
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	var was runState
	if err := json.Unmarshal(raw, &was); err != nil {
		return exitError{exitIncomplete, fmt.Errorf("%s cannot be read (%v); remove it and %s to begin anew", s.sidecar(), err, path)}
	}
	if was.Terms != s.Terms || was.Input != s.Input {
		return exitError{exitIncomplete, fmt.Errorf("%s was begun with other lists, another file or other options; remove it and %s to begin anew", path, s.sidecar())}
	}
	s.Rows, s.Bytes = was.Rows, was.Bytes
	return nil
}

// open opens the output where the run goes on.
func (s *runState) open(stdout io.Writer) (out io.Writer, closing func() error, err error) {
	if s.path == "" {
		return stdout, func() error { return nil }, nil
	}
	if s.out, err = os.OpenFile(s.path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, nil, fmt.Errorf("--out: %w", err)
	}
	info, err := s.out.Stat()
	if err == nil && info.Size() < s.Bytes {
		err = fmt.Errorf("%s is shorter than the earlier run left it; remove it and %s to begin anew", s.path, s.sidecar())
	}
	if err == nil {
		err = s.out.Truncate(s.Bytes)
	}
	if err == nil {
		_, err = s.out.Seek(s.Bytes, io.SeekStart)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("--out: %w", err), s.out.Close())
	}
	return s.out, s.out.Close, nil
}

// done remembers that rows are in the output. The file is on the disk before that is said.
func (s *runState) done(rows int) error {
	s.Rows += rows
	if s.path == "" {
		return nil
	}
	if err := s.out.Sync(); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	var err error
	if s.Bytes, err = s.out.Seek(0, io.SeekCurrent); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	fresh := s.sidecar() + ".new"
	if err := os.WriteFile(fresh, raw, 0o600); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	return os.Rename(fresh, s.sidecar())
}

// finish removes what was remembered.
func (s *runState) finish() error {
	if s.path == "" {
		return nil
	}
	if err := os.Remove(s.sidecar()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("--out: %w", err)
	}
	return nil
}

// hint says how to go on.
func (s *runState) hint() string {
	if s.path == "" {
		return ""
	}
	return "; mend the row, and the same command goes on there"
}
