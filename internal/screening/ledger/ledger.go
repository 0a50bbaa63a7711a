// Package ledger keeps what screening must remember: every version of every list by
// its SHA-256, what people decided about a name and an entry, the record of each
// screening, and — only where the operator switches it on — the names that were
// screened, so that a new designation finds past contacts by itself.
//
// # What is kept where
//
// Entries are stored once and marked with the versions they were in, so a screening of
// last year runs again on the lists of last year. The record of screenings is the
// hash-chained log "screening" (package chain): list SHA-256s, matcher version and
// thresholds stand there in clear; whose name was screened, and what was found, is
// sealed, and so are kept contacts and decisions. The key for that lies outside the
// data folder, so a stolen folder does not tell whom the house has met.
//
// # What is compared
//
// A screening is pure: queries, lists, matcher and threshold give the answer. Decisions
// are facts that are added to it and recorded beside it. [Ledger.Replay] computes each
// recorded answer again and compares the bytes.
package ledger

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/screening"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

// Log is the name of the chained log.
const Log = "screening"

// Sensor is the name under which findings are raised.
const Sensor = "screening"

// Config is the part of the configuration file that screening has.
type Config struct {
	// ContactDays is for how many days screened names are kept, so that a changed list
	// is screened against them. 0 keeps none, and is the default.
	ContactDays int `toml:"contact_days"`
	// Threshold is the score from which on a hit is called a match. Default: the one
	// that the matcher was measured at.
	Threshold float64 `toml:"threshold"`
	// Best is how many entries an answer shows unless all are asked for. Default 5.
	Best int `toml:"best"`
}

// DefaultConfig is what holds where the file says nothing.
func DefaultConfig() Config { return Config{Threshold: screening.MatchThreshold, Best: 5} }

// Validate tells all problems at once.
func (c Config) Validate() error {
	var errs []error
	if c.ContactDays < 0 || c.ContactDays > 3650 {
		errs = append(errs, fmt.Errorf("screening.contact_days is %d; want 0 (none are kept) to 3650", c.ContactDays))
	}
	if c.Threshold < screening.Floor || c.Threshold > 1 {
		errs = append(errs, fmt.Errorf("screening.threshold is %v; want %v to 1", c.Threshold, screening.Floor))
	}
	if c.Best < 1 || c.Best > 100 {
		errs = append(errs, fmt.Errorf("screening.best is %d; want 1 to 100", c.Best))
	}
	return errors.Join(errs...)
}

// Deps are what a ledger needs of the house.
type Deps struct {
	DB  *sql.DB // for reading
	Tx  func(ctx context.Context, fn func(tx *sql.Tx) error) error
	Key [32]byte         // seals names; from a file outside the data folder
	Now func() time.Time // nil is time.Now
	// Raise takes a finding in the transaction that made it, with the event it is
	// about. nil leaves findings in the ledger's own table.
	Raise func(ctx context.Context, tx *sql.Tx, e portcullis.Event, f portcullis.Finding) error
}

// Ledger is safe for use by several goroutines.
type Ledger struct {
	cfg  Config
	d    Deps
	seal sealer

	mu     sync.Mutex // guards loaded, and that one goroutine loads
	loaded *loaded
}

// New makes a ledger.
func New(cfg Config, d Deps) (*Ledger, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Key == ([32]byte{}) {
		return nil, errors.New("screening has no key to seal names with")
	}
	seal, err := newSealer(d.Key)
	if err != nil {
		return nil, err
	}
	return &Ledger{cfg: cfg, d: d, seal: seal}, nil
}

// Errors that a caller tells apart.
var (
	ErrNoLists  = errors.New("no list has been added yet: `portcullis lists add FORMAT FILE`")
	ErrNotFound = errors.New("there is no such entry")
)

// RefusedError says that something was asked for wrongly.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refusedf(format string, args ...any) error { return &RefusedError{fmt.Sprintf(format, args...)} }

// KeyOf derives the sealing key from the house's secret. It is not any keyed hash of the
// archive's: those are stored, and somebody who writes the right subject line could have
// one stored that is a key.
func KeyOf(secret []byte) [32]byte {
	return [32]byte(derived([32]byte(sha256.Sum256(secret)), "portcullis screening"))
}

const day = 24 * time.Hour

func days(t time.Time) int64 { return t.Unix() / int64(day/time.Second) }
