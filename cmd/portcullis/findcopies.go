package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/register/copies"
	"portcullis.example/portcullis/internal/register/extract"
	"portcullis.example/portcullis/internal/register/honey"
)

// registerSource says where rows of a register come from.
type registerSource struct {
	DatabaseFile string            `help:"File with the PostgreSQL address, where the source is a table." placeholder:"FILE" type:"path"`
	Column       map[string]string `help:"What a column holds, where its heading does not tell: NAME=ROLE with id, given, family, name, sex, born, street, house, address, postcode, town, mail, phone, other." placeholder:"NAME=ROLE"`
}

// open opens a file with a head, or a table as schema.table.
func (s registerSource) open(ctx context.Context, from string) (extract.Source, []honey.Column, error) {
	src, err := s.source(ctx, from)
	if err != nil {
		return nil, nil, err
	}
	columns := honey.Guess(src.Columns())
	if err := honey.Assign(columns, s.Column); err != nil {
		return nil, nil, exitError{exitIncomplete, errors.Join(err, src.Close(ctx))}
	}
	return src, columns, nil
}

func (s registerSource) source(ctx context.Context, from string) (extract.Source, error) {
	if s.DatabaseFile == "" {
		return extract.OpenCSV(from)
	}
	raw, err := os.ReadFile(s.DatabaseFile)
	if err != nil {
		return nil, err
	}
	return extract.OpenTable(ctx, strings.TrimSpace(string(raw)), from, nil)
}

// honeyKeys is where the key of filters and honey voters lies, with the filters.
type honeyKeys struct {
	HoneyKeys string `help:"Folder of the key, the honey sets and the filters. Default: honey in the register's folder of keys." placeholder:"DIR" type:"path"`
}

func (k honeyKeys) book(g *Globals) (*honey.Book, string, error) {
	dir := k.HoneyKeys
	if dir == "" {
		cfg, err := registerConfig(g)
		if err != nil {
			return nil, "", exitError{exitIncomplete, errors.New("name the folder of the key with --honey-keys, or a configuration with a section [register]")}
		}
		dir = filepath.Join(cfg.KeysDir(), "honey")
	}
	b, err := honey.OpenBook(dir)
	return b, dir, err
}

type registerFindCopiesCommand struct {
	Paths    []string `arg:"" optional:"" name:"PATH" help:"Files and folders to look through." type:"path"`
	Learn    string   `help:"Make a filter of this register or extract (a file with a head, or with --database-file a table) and stop." placeholder:"SOURCE"`
	Label    string   `help:"With --learn: what it is of." placeholder:"TEXT"`
	Filter   []string `help:"Filters to look with. Default: all that lie with the key." placeholder:"FILE" type:"path"`
	Shape    bool     `help:"Look for the shape of lists of people only: no key, no filter."`
	State    string   `help:"Remember in this file what was looked through; the next run with it goes on there." placeholder:"FILE" type:"path"`
	AtLeast  int      `help:"From how many voters on a file counts." default:"10"`
	Workers  int      `help:"Files read at a time. Default: all cores." placeholder:"N"`
	Format   string   `help:"text or json." enum:"text,json" default:"text"`
	Findings string   `help:"Write findings, as JSON lines for the mail side, to this file." placeholder:"FILE" type:"path"`
	ExitCode bool     `help:"Exit with 1 if there are copies."`
	Quiet    bool     `short:"q" help:"Print totals only."`
	registerSource
	honeyKeys
}

// Help teaches what the one-line help cannot.
func (registerFindCopiesCommand) Help() string {
	return `Reads files, archives, spreadsheets, documents and mailboxes, and tells where voters' records lie, how many, and of which extract. It only reads.

Exit status: 0 done; 1 with --exit-code, copies were found; 2 something could not be read; 3 failed.

Examples:
  portcullis register find-copies --learn voters.csv --label "the register of 2026"
  portcullis register find-copies --state looked.jsonl /srv/files /var/vmail`
}

// Run learns, or looks.
func (c *registerFindCopiesCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	if c.Learn != "" {
		return c.learn(ctx, std, g)
	}
	if len(c.Paths) == 0 {
		return exitError{exitIncomplete, errors.New("say where to look")}
	}
	cfg := copies.Config{AtLeast: c.AtLeast, Workers: c.Workers, State: c.State, Other: readOther, Now: time.Now()}
	if !c.Shape {
		var err error
		if cfg.Key, cfg.Sets, err = c.sets(g); err != nil {
			return err
		}
	}
	return lookForCopies(ctx, std, c.Paths, cfg, copiesOutput{format: c.Format, findings: c.Findings, exit: c.ExitCode, quiet: c.Quiet})
}

const filterSuffix = ".filter"

// sets are the filters and the honey voters to look with.
func (c *registerFindCopiesCommand) sets(g *Globals) (*copies.Key, []copies.Set, error) {
	b, dir, err := c.book(g)
	if err != nil {
		return nil, nil, err
	}
	key, err := b.Key()
	if err != nil {
		return nil, nil, err
	}
	files := c.Filter
	if len(files) == 0 {
		if files, err = filepath.Glob(filepath.Join(dir, "filters", "*"+filterSuffix)); err != nil {
			return nil, nil, err
		}
	}
	sets, err := b.Filters()
	if err != nil {
		return nil, nil, err
	}
	for _, path := range files {
		f, err := readFilter(path, key)
		if err != nil {
			return nil, nil, exitError{exitIncomplete, fmt.Errorf("%s: %w", path, err)}
		}
		sets = append(sets, copies.Set{Filter: f})
	}
	if len(sets) == 0 {
		return nil, nil, exitError{exitIncomplete, errors.New("there is no filter yet: make one with --learn, or look for the shape of lists of people with --shape")}
	}
	return key, sets, nil
}

func readFilter(path string, key *copies.Key) (*copies.Filter, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return copies.Read(f, key)
}

// learn makes a filter of a register or an extract.
func (c *registerFindCopiesCommand) learn(ctx context.Context, std stdio, g *Globals) (err error) {
	if c.Label == "" || len(c.Paths) > 0 {
		return exitError{exitIncomplete, errors.New("--learn wants --label, what it is of, and no paths")}
	}
	b, dir, err := c.book(g)
	if err != nil {
		return err
	}
	src, columns, err := c.open(ctx, c.Learn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, src.Close(ctx)) }()
	n, err := src.Count(ctx)
	if err != nil {
		return err
	}
	key, err := b.Key()
	if err != nil {
		return err
	}
	f, err := c.filter(ctx, key, src, columns, n+1)
	if errors.Is(err, copies.ErrFull) { // people have many names here
		f, err = c.filter(ctx, key, src, columns, 2*n+1)
	}
	if err != nil {
		return err
	}
	if f.IDs+f.People == 0 {
		return exitError{exitIncomplete, fmt.Errorf("nothing in it can be found again; say what the columns hold with --column (they are %s)", strings.Join(src.Columns(), ", "))}
	}
	path, err := keepFilter(dir, f)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s: %s voters, %s numbers, %s combinations of names and a date, keyed. %s rows had neither.\n", path, thousands(f.Header.Voters), thousands(f.IDs), thousands(f.People), thousands(f.Skipped))
	return nil
}

// filter makes it, with room for so many voters.
func (c *registerFindCopiesCommand) filter(ctx context.Context, key *copies.Key, src extract.Source, columns []honey.Column, room int) (*copies.Filter, error) {
	made := copies.NewBuilder(key, c.Label, room)
	if err := src.Rows(ctx, func(row []string) error { return made.Add(honey.Person(columns, row)) }); err != nil {
		return nil, err
	}
	return made.Filter(time.Now()), nil
}

// keepFilter puts a filter beside the key.
func keepFilter(dir string, f *copies.Filter) (string, error) {
	folder := filepath.Join(dir, "filters")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(folder, f.Fingerprint()+filterSuffix)
	out, err := os.CreateTemp(folder, "new-*")
	if err != nil {
		return "", err
	}
	_, err = f.WriteTo(out)
	if err = errors.Join(err, out.Sync(), out.Close()); err == nil {
		err = os.Rename(out.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return path, nil
}

// copiesOutput is how what was found is told.
type copiesOutput struct {
	format, findings string
	exit, quiet      bool
}

// lookForCopies looks and tells.
func lookForCopies(ctx context.Context, std stdio, paths []string, cfg copies.Config, how copiesOutput) error {
	var found []copies.Copy
	var problems []string
	cfg.Found = func(c copies.Copy) { found = append(found, c) }
	cfg.Problem = func(name string, err error) { problems = append(problems, name+": "+err.Error()) }
	m := newMeter(std.err, sizeOf(paths))
	cfg.Progress = func(read int64, files int) { m.bytes(read); m.count.Store(int64(files)) }
	m.start("looking (messages are files)")
	total, err := copies.Find(ctx, paths, cfg)
	m.stop()
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(std.err, "Stopped. With --state, the same command goes on from here.")
		return exitError{exitFailed, nil}
	}
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b copies.Copy) int { return strings.Compare(a.Path, b.Path) })
	if err := tellCopies(std.out, found, total, how); err != nil {
		return err
	}
	slices.Sort(problems)
	for _, p := range problems {
		fmt.Fprintln(std.err, "portcullis:", printable(p))
	}
	switch {
	case len(problems) > 0:
		return exitError{exitIncomplete, nil}
	case how.exit && len(found) > 0:
		return exitError{exitFindings, nil}
	}
	return nil
}

// sizeOf adds up files, for the bar.
func sizeOf(paths []string) (n int64) {
	for _, root := range paths {
		_ = filepath.WalkDir(root, func(_ string, d os.DirEntry, err error) error { // what cannot be read is told of when it is looked through
			if err != nil || !d.Type().IsRegular() {
				return nil
			}
			if info, err := d.Info(); err == nil {
				n += info.Size()
			}
			return nil
		})
	}
	return n
}

// foundCopy is a copy in machine form.
type foundCopy struct {
	copies.Copy
	Voters  int    `json:"voters"`
	Leaked  string `json:"leaked,omitempty"` // the copy that it was taken from, by honey voters
	Summary string `json:"summary"`
}

func tellCopies(out io.Writer, found []copies.Copy, total copies.Total, how copiesOutput) error {
	if how.findings != "" {
		if err := writeCopyFindings(how.findings, found); err != nil {
			return err
		}
	}
	if how.format == "json" {
		list := []foundCopy{}
		for _, c := range found {
			list = append(list, foundCopy{c, c.Voters(), c.Leaked(), c.Summary()})
		}
		return json.NewEncoder(out).Encode(map[string]any{"schema": 1, "copies": list, "files": total.Files, "bytes": total.Bytes, "unchanged": total.Skipped, "problems": total.Problems})
	}
	if !how.quiet {
		for _, c := range found {
			fmt.Fprintln(out, printable(c.Summary()))
		}
	}
	unchanged := ""
	if total.Skipped > 0 {
		unchanged = fmt.Sprintf(", of which %s as they were", thousands(total.Skipped))
	}
	_, err := fmt.Fprintf(out, "%s files, %s%s: %s copies.\n", thousands(total.Files), megabytes(total.Bytes), unchanged, thousands(len(found)))
	return err
}

// writeCopyFindings writes them in the form in which the guard hands its own on.
func writeCopyFindings(path string, found []copies.Copy) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	enc, now := json.NewEncoder(f), time.Now().UTC()
	for i := range found {
		err = errors.Join(err, enc.Encode(struct {
			Schema  int                `json:"schema"`
			Event   portcullis.Event   `json:"event"`
			Finding portcullis.Finding `json:"finding"`
		}{1, found[i].Event(now), found[i].Finding(now)}))
	}
	return errors.Join(err, f.Close())
}
