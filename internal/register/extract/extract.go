// Package extract makes the lawful bulk copy of a register: for one recipient, with honey voters of
// its own at places that nothing gives away, encrypted to the recipient's keys (age, https://age-encryption.org/v1), noted in the ledger
// before it can be used, and with a receipt. The plain copy never touches the disk.
package extract

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"filippo.io/age"

	"portcullis.example/portcullis/internal/register/copies"
	"portcullis.example/portcullis/internal/register/honey"
)

// Source gives the rows of a register, the same ones each time it is asked.
type Source interface {
	Columns() []string
	Count(ctx context.Context) (int, error)
	// Rows calls fn for each row; the row is valid until fn returns.
	Rows(ctx context.Context, fn func(row []string) error) error
	Close(ctx context.Context) error
}

// Noter is the ledger.
type Noter interface {
	// Note returns when the entry is safe. Without it there is no extract.
	Note(ctx context.Context, e Entry) error
}

// Discloser is a Noter that also takes whose records are given out, so many at a time.
type Discloser interface {
	Disclose(ctx context.Context, e Entry, keys []string) error
}

// Entry is what the ledger is told.
type Entry struct {
	Recipient string `json:"recipient"`
	Extract   string `json:"extract"`
	Reason    string `json:"reason"`
	Rows      int    `json:"rows"` // real voters
	HoneySet  string `json:"honey_set"`
	SHA256    string `json:"sha256"` // of the encrypted file; "" in disclosures, which come before it is known
}

// Options say what is made.
type Options struct {
	Source    Source
	Columns   []honey.Column
	Book      *honey.Book
	Noter     Noter
	Recipient string
	Extract   string // which of the recipient's
	Reason    string
	OneIn     int    // one honey voter in so many rows; default 1,000
	Mail      string // domain of honey addresses
	Keys      []age.Recipient
	Out       string // file to write; there must be none
	Now       time.Time
	Filter    bool     // also give a filter of this extract, for find-copies
	Anonymous []string // columns each of which marks voters at risk, whose rows are left out
	Progress  func(rows int)
}

// Receipt is what the extract came to. It goes with the copy and does not tell how many honey voters there are.
type Receipt struct {
	Schema    int       `json:"schema"`
	Recipient string    `json:"recipient"`
	Extract   string    `json:"extract"`
	Made      time.Time `json:"made"`
	Columns   []string  `json:"columns"`
	Rows      int       `json:"rows"`               // in the file
	LeftOut   int       `json:"left_out,omitempty"` // entries of voters at risk
	Bytes     int64     `json:"bytes"`
	SHA256    string    `json:"sha256"`       // of the encrypted file
	Plain     string    `json:"sha256_plain"` // of the CSV in it
}

// Made is the result of Make.
type Made struct {
	Receipt Receipt
	Set     *honey.Set
	Filter  *copies.Filter // of the register's voters that are in the extract, where asked for
}

const defaultOneIn = 1000

func (o *Options) check() error {
	var errs []error
	if len(o.Keys) == 0 {
		errs = append(errs, errors.New("extract: no key to encrypt to; the recipient makes one with age-keygen and gives the public half (age1…)"))
	}
	if o.Recipient == "" || o.Extract == "" || o.Reason == "" {
		errs = append(errs, errors.New("extract: say for whom, which extract it is, and why"))
	}
	if o.Noter == nil {
		errs = append(errs, errors.New("extract: without a ledger there is no extract"))
	}
	if o.OneIn == 0 {
		o.OneIn = defaultOneIn
	}
	if o.OneIn < 2 {
		errs = append(errs, errors.New("extract: one honey voter in fewer than two rows"))
	}
	return errors.Join(append(errs, honey.Check(o.Columns))...)
}

// Make makes the extract. On an error no file is left.
func Make(ctx context.Context, o Options) (*Made, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if _, err := os.Lstat(o.Out); err == nil {
		return nil, fmt.Errorf("extract: %s is there already", o.Out)
	}
	s, err := look(ctx, &o)
	if err != nil {
		return nil, err
	}
	planted := max(1, (s.rows+o.OneIn/2)/o.OneIn)
	voters, set, err := o.Book.Plant(s.model, honey.Order{Recipient: o.Recipient, Extract: o.Extract, Count: planted, Mail: o.Mail, Made: o.Now}, s.real.Taken)
	if err != nil {
		return nil, err
	}
	m := &Made{Set: set}
	if o.Filter {
		m.Filter = s.real
	}
	if m.Receipt, err = write(ctx, &o, s, voters, set); err != nil {
		return nil, errors.Join(err, o.Book.Discard(set))
	}
	return m, nil
}

// seen is what the first pass came to.
type seen struct {
	rows  int
	risk  atRisk
	model *honey.Model
	real  *copies.Filter
	order order
}

// look learns how voters are distributed, who is real, and in which order the rows come.
func look(ctx context.Context, o *Options) (*seen, error) {
	n, err := o.Source.Count(ctx)
	if err != nil {
		return nil, err
	}
	s, err := learn(ctx, o, n+1)
	if errors.Is(err, copies.ErrFull) { // people have many names here
		s, err = learn(ctx, o, 2*n+1)
	}
	return s, err
}

// learn is the first pass, with room for so many voters.
func learn(ctx context.Context, o *Options, room int) (*seen, error) {
	learner, err := honey.NewLearner(o.Columns)
	if err != nil {
		return nil, err
	}
	key, err := o.Book.Key()
	if err != nil {
		return nil, err
	}
	s := &seen{}
	if s.risk, err = riskColumn(o); err != nil {
		return nil, err
	}
	real := copies.NewBuilder(key, fmt.Sprintf("the extract %s for %s", o.Extract, o.Recipient), room)
	err = o.Source.Rows(ctx, func(row []string) error {
		// Nobody who is invented may have the number or the name of somebody who is real, at risk or not.
		err := real.Add(honey.Person(o.Columns, row))
		if s.risk.marks(row) {
			return err
		}
		s.rows++
		learner.Add(row)
		s.order.add(row)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.real = real.Filter(o.Now)
	s.model, err = learner.Model()
	return s, err
}

// write encrypts the rows and the voters among them into a file that gets its name once the ledger has it.
func write(ctx context.Context, o *Options, s *seen, voters []honey.Voter, set *honey.Set) (r Receipt, err error) {
	f, err := os.CreateTemp(filepath.Dir(o.Out), ".extract-*") // mode 0600
	if err != nil {
		return r, fmt.Errorf("extract: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreGone(os.Remove(f.Name())))
		}
	}()
	r = Receipt{Schema: 1, Recipient: o.Recipient, Extract: o.Extract, Made: o.Now.UTC(), Columns: o.Source.Columns()}
	err = fill(ctx, o, s, voters, set, f, &r)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return r, err
	}
	if err := o.Noter.Note(ctx, entryOf(o, s.rows, set, r.SHA256)); err != nil {
		return r, fmt.Errorf("extract: the ledger did not take it, so there is none: %w", err)
	}
	if err := os.Link(f.Name(), o.Out); err != nil { // unlike a rename it never replaces a file
		return r, fmt.Errorf("extract: %w", err)
	}
	return r, os.Remove(f.Name())
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func entryOf(o *Options, rows int, set *honey.Set, sum string) Entry {
	return Entry{Recipient: o.Recipient, Extract: o.Extract, Reason: o.Reason, Rows: rows, HoneySet: set.ID, SHA256: sum}
}

// fill writes through CSV, the plain hash, age, and the hash of the file.
func fill(ctx context.Context, o *Options, s *seen, voters []honey.Voter, set *honey.Set, out io.Writer, r *Receipt) error {
	file, plain := &summed{w: out, h: sha256.New()}, sha256.New()
	sealed, err := age.Encrypt(file, o.Keys...)
	if err != nil {
		return fmt.Errorf("extract: encrypt: %w", err)
	}
	c := csv.NewWriter(io.MultiWriter(plain, sealed))
	if err := c.Write(o.Source.Columns()); err != nil {
		return err
	}
	book := &discloser{ctx: ctx, to: o.Noter, entry: entryOf(o, s.rows, set, "")}
	mix := newMix(s, voters)
	emit := func(row []string) error { r.Rows++; return c.Write(row) }
	err = o.Source.Rows(ctx, func(row []string) error {
		if s.risk.marks(row) {
			r.LeftOut++
			return nil
		}
		if err := mix.before(row, emit); err != nil {
			return err
		}
		if o.Progress != nil && r.Rows%10_000 == 0 {
			o.Progress(r.Rows)
		}
		return errors.Join(book.add(honey.Person(o.Columns, row).ID), emit(row))
	})
	if err == nil {
		err = errors.Join(mix.rest(emit), book.flush())
	}
	c.Flush()
	if err = errors.Join(err, c.Error(), sealed.Close()); err != nil {
		return err
	}
	if mix.rows != s.rows {
		return fmt.Errorf("extract: the register had %d rows when they were counted and %d when they were written; take it from one that does not change meanwhile", s.rows, mix.rows)
	}
	r.Bytes, r.SHA256, r.Plain = file.n, hex.EncodeToString(file.h.Sum(nil)), hex.EncodeToString(plain.Sum(nil))
	return nil
}

// discloser tells the ledger whose records are given out, in batches.
type discloser struct {
	ctx   context.Context //nolint:containedctx // of one extract
	to    Noter
	entry Entry
	keys  []string
}

const batch = 10_000

func (d *discloser) add(id string) error {
	if id == "" {
		return nil
	}
	if d.keys = append(d.keys, id); len(d.keys) < batch {
		return nil
	}
	return d.flush()
}

func (d *discloser) flush() error {
	to, ok := d.to.(Discloser)
	keys := d.keys
	d.keys = d.keys[:0]
	if !ok || len(keys) == 0 {
		return nil
	}
	if err := to.Disclose(d.ctx, d.entry, keys); err != nil {
		return fmt.Errorf("extract: the ledger did not take whose records these are, so there is no extract: %w", err)
	}
	return nil
}

// summed counts and hashes what passes.
type summed struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (s *summed) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	_, _ = s.h.Write(p[:n]) // a hash never fails
	s.n += int64(n)
	return n, err
}

// JSON is the receipt as it goes with the copy.
func (r *Receipt) JSON() []byte {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil
	}
	return append(raw, '\n')
}
