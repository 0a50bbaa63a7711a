package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/records"
)

// verdictLine is one line of --verdicts; docs/VERDICTS.md describes it. It is
// a stable format: fields are added, never changed.
type verdictLine struct {
	Schema    int              `json:"schema"`
	Source    string           `json:"source"`
	Offset    int64            `json:"offset"`
	MessageID string           `json:"message_id"`
	Score     uint8            `json:"score"`
	Action    string           `json:"action"`
	Findings  []verdictFinding `json:"findings"`
	Unknown   []string         `json:"unknown"`
}

type verdictFinding struct {
	ID        portcullis.ID       `json:"id"`
	Rule      string              `json:"rule"`
	Severity  portcullis.Severity `json:"severity"`
	Technique string              `json:"technique"`
	People    []portcullis.ID     `json:"people"`
}

// spool remembers on disk which messages came in, in order, so that memory
// stays flat however many there are. The verdicts of known messages, and of those that
// comparing has changed, are looked up at the end; the lines of the others are
// written as they are judged.
type spool struct {
	file    *os.File
	out     *os.File // beside path, and renamed to it when whole
	path    string
	w       *bufio.Writer
	revised map[portcullis.ID]bool // by comparing, in this run
}

type spooled struct {
	Event     portcullis.ID
	Source    string
	Offset    int64
	MessageID string
}

func (a *arrived) spooled() spooled {
	return spooled{a.event, a.item.Source, a.item.Offset, a.messageID}
}

// newSpool begins a spool for the verdicts of path. That they cannot be written
// there is told at once, not after hours of scanning.
func newSpool(path string) (*spool, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, exitError{exitIncomplete, fmt.Errorf("--verdicts %s is a folder; name a file", path)}
	}
	out, err := os.CreateTemp(filepath.Dir(path), ".verdicts-")
	if err != nil {
		return nil, exitError{exitIncomplete, fmt.Errorf("--verdicts %s cannot be written: %w; name a file in a folder that exists and is yours", path, err)}
	}
	f, err := os.CreateTemp("", "portcullis-verdicts-")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a temporary file for verdicts: %w; set TMPDIR to a folder with room", err), out.Close(), os.Remove(out.Name()))
	}
	w := bufio.NewWriterSize(f, 1<<16)
	return &spool{file: f, out: out, path: path, w: w, revised: map[portcullis.ID]bool{}}, nil
}

// add writes a line for each message: its id, whether the verdict is to be looked up,
// and the line of --verdicts, without findings in that case.
func (s *spool) add(list []*arrived) error {
	for _, a := range list {
		err := s.put(a)
		if err != nil {
			return fmt.Errorf("write to temporary file %s: %w; free space there, or set TMPDIR", s.file.Name(), err)
		}
	}
	return nil
}

func (s *spool) put(a *arrived) error {
	line := a.line
	if line == nil {
		var err error
		if line, err = encodeLine(lineOf(a.spooled(), portcullis.Verdict{})); err != nil {
			return err
		}
	}
	mark := byte(looked)
	if a.line != nil {
		mark = judged
	}
	_, _ = s.w.WriteString(string(a.event)) // the last write reports what any of them met
	_ = s.w.WriteByte(mark)
	_, err := s.w.Write(line)
	return err
}

// What stands between id and line: whether the line holds the verdict.
const (
	judged = '='
	looked = '?'
)

// encodeLine is the line with its end.
func encodeLine(line verdictLine) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(line)
	return b.Bytes(), err
}

func (s *spool) close() {
	for _, f := range []*os.File{s.file, s.out} {
		f.Close()
		os.Remove(f.Name())
	}
}

// write writes the verdicts, whole or not at all.
func (s *spool) write(ctx context.Context, reader *records.Reader) error {
	if err := s.w.Flush(); err != nil {
		return fmt.Errorf("write to temporary file %s: %w; free space there, or set TMPDIR", s.file.Name(), err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w := bufio.NewWriterSize(s.out, 1<<16)
	err := s.lines(ctx, reader, w)
	if err := errors.Join(err, w.Flush(), s.out.Sync(), s.out.Close()); err != nil {
		return fmt.Errorf("write verdicts to %s: %w; what was scanned is stored: the same command writes them again", s.path, err)
	}
	if err := os.Rename(s.out.Name(), s.path); err != nil {
		return fmt.Errorf("write verdicts to %s: %w", s.path, err)
	}
	return nil
}

func (s *spool) lines(ctx context.Context, reader *records.Reader, w *bufio.Writer) error {
	in := bufio.NewReaderSize(s.file, 1<<16)
	for {
		raw, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(raw) == 0 {
			return nil
		}
		if err != nil {
			return err
		}
		at := bytes.IndexAny(raw, string(judged)+string(looked))
		if at < 0 {
			return fmt.Errorf("temporary file %s is damaged", s.file.Name())
		}
		event, line := portcullis.ID(raw[:at]), raw[at+1:]
		if raw[at] == looked || s.revised[event] {
			if line, err = current(ctx, reader, event, line); err != nil {
				return err
			}
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
}

// current puts the stored verdict into a line.
func current(ctx context.Context, reader *records.Reader, event portcullis.ID, raw []byte) ([]byte, error) {
	var line verdictLine
	if err := json.Unmarshal(raw, &line); err != nil {
		return nil, err
	}
	v, _, err := reader.Verdict(ctx, event)
	if err != nil {
		return nil, err
	}
	return encodeLine(lineOf(spooled{event, line.Source, line.Offset, line.MessageID}, v))
}

func lineOf(one spooled, v portcullis.Verdict) verdictLine {
	line := verdictLine{
		Schema: 1, Source: one.Source, Offset: one.Offset, MessageID: one.MessageID,
		Score: v.Score, Action: v.Action.String(), Findings: []verdictFinding{}, Unknown: v.Unknown,
	}
	if line.Unknown == nil {
		line.Unknown = []string{}
	}
	for _, f := range v.Findings {
		people := f.People
		if people == nil {
			people = []portcullis.ID{}
		}
		line.Findings = append(line.Findings, verdictFinding{f.ID, f.Rule, f.Severity, f.Technique, people})
	}
	return line
}
