package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	linksPerMail  = 20 // each a host and a URL of its own
	observablesOf = 2 * linksPerMail
)

// huntTime scans generated mail until the store holds a million observables, and
// times fresh processes that hunt in it.
func huntTime(ctx context.Context, b *bench, s *Section) error {
	observables, runs := b.full(1_000_000, 100_000), b.full(15, 5)
	dir, err := b.folder("hunt")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	mbox, data := filepath.Join(dir, "links.mbox"), filepath.Join(dir, "data")
	mails := observables / observablesOf
	if err := writeLinks(mbox, mails); err != nil {
		return err
	}
	b.say("  scanning %d mails with %d links each", mails, linksPerMail)
	o, err := b.run(ctx, "scan", "--quiet", "--data", data, mbox)
	if err != nil {
		return err
	}
	if o.code != 0 {
		return fmt.Errorf("scan ended with status %d: %s", o.code, tail(o.err))
	}
	size, err := folderSize(data)
	if err != nil {
		return err
	}
	s.condition("%d observables (%d mails with %d URLs on as many hosts each, all different) stored by the program's own scan in %s CPU; the store takes %.0f bytes per observable, all told.",
		observables, mails, linksPerMail, o.cpu.Round(100*time.Millisecond), float64(size)/float64(observables))
	s.condition("Wall time of a fresh process, files in the page cache, median of %d runs, each with other indicators; what was hunted is kept, as by default, unless said otherwise.", runs)
	return b.huntTimes(ctx, s, hunting{dir: dir, data: data, mails: mails, runs: runs})
}

// hunting is a filled store and how often it is asked.
type hunting struct {
	dir, data   string
	mails, runs int
}

func (b *bench) huntTimes(ctx context.Context, s *Section, h hunting) error {
	one, found, err := b.huntMedian(ctx, h, 1)
	if err != nil {
		return err
	}
	s.claim("One indicator", milliseconds(one), "under 50 ms", one < 50*time.Millisecond)
	s.claim("… found", fmt.Sprintf("%d of %d", found, h.runs), "all", found == h.runs)
	unkept, _, err := b.huntMedian(ctx, h, 1, "--no-keep")
	if err != nil {
		return err
	}
	s.tell("One indicator, --no-keep", "%s", milliseconds(unkept))
	many, found, err := b.huntMedian(ctx, h, 10_000)
	if err != nil {
		return err
	}
	want := h.runs * 1000
	s.claim("10,000 indicators, a tenth of them there", milliseconds(many), "under 2 s", many < 2*time.Second)
	s.claim("… found", fmt.Sprintf("%d of %d", found, want), "all", found == want)
	return nil
}

// huntMedian hunts for n indicators at a time: one that is there, or many of
// which a tenth are.
func (b *bench) huntMedian(ctx context.Context, h hunting, n int, extra ...string) (median time.Duration, found int, err error) {
	var times []time.Duration
	for run := range h.runs {
		wanted := indicatorsFor(run, n, h.mails)
		args := append([]string{"hunt", "--data", h.data, "--format", "json"}, extra...)
		if n == 1 {
			args = append(args, wanted[0])
		} else {
			file := filepath.Join(h.dir, "indicators.txt")
			if err := os.WriteFile(file, []byte(strings.Join(wanted, "\n")+"\n"), 0o600); err != nil {
				return 0, 0, err
			}
			args = append(args, "--indicators", file)
		}
		o, err := b.run(ctx, args...)
		if err != nil {
			return 0, 0, err
		}
		if o.code != 0 {
			return 0, 0, fmt.Errorf("hunt ended with status %d: %s", o.code, tail(o.err))
		}
		times = append(times, o.wall)
		found += countPatterns(o.out)
	}
	slices.Sort(times)
	return times[len(times)/2], found, nil
}

// indicatorsFor draws domains: the first of ten is in the store.
func indicatorsFor(run, n, mails int) []string {
	var list []string
	for i := range n {
		if i%10 == 0 {
			place := (run*7919 + i*104729) % (mails * linksPerMail)
			list = append(list, linkHost(place/linksPerMail, place%linksPerMail))
		} else {
			list = append(list, fmt.Sprintf("absent-%d-%d.example", run, i))
		}
	}
	return list
}

// countPatterns counts the different indicators that an answer names.
func countPatterns(answer []byte) int {
	seen := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(answer))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if p, ok := v["pattern"].(map[string]any); ok && v["event"] != nil {
				seen[fmt.Sprint(p["value"])] = true
			}
			for _, one := range v {
				walk(one)
			}
		}
	}
	for {
		var v any
		if dec.Decode(&v) != nil {
			return len(seen)
		}
		walk(v)
	}
}

func linkHost(mail, link int) string {
	return fmt.Sprintf("h%02d.m%05d-site.example", link, mail)
}

// writeLinks writes an mbox of mails that hold nothing but links.
func writeLinks(path string, mails int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	at := time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC)
	for i := range mails {
		at = at.Add(7 * time.Minute)
		fmt.Fprintf(w, "From sender@example.org %s\nFrom: Sender %d <sender%d@example.org>\nTo: reader%d@parliament.example\nSubject: Reading list %d\nDate: %s\nMessage-ID: <links-%d@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain\n\n",
			at.Format(time.ANSIC), i%500, i%500, i%1000, i, at.Format(time.RFC1123Z), i)
		for j := range linksPerMail {
			fmt.Fprintf(w, "Item %d: https://%s/article/%d?id=%d\n", j, linkHost(i, j), i*7+j, i*31+j)
		}
		fmt.Fprintln(w)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

func folderSize(dir string) (size int64, err error) {
	files, err := messageFiles(dir)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			size += info.Size()
		}
	}
	return size, err
}

func milliseconds(d time.Duration) string {
	if d > 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f ms", float64(d.Microseconds())/1000)
}
