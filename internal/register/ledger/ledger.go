package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Limits of what goes in.
const (
	maxName   = 255       // bytes of a principal, a program, a purpose
	maxVoters = 1 << 20   // voters of one Record; more are recorded in several
	maxKey    = 255       // bytes of a voter's key
	maxEntry  = 32 << 10  // bytes of an entry as JSON: it has to fit a leaf
	maxWait   = 8 << 20   // bytes of one group of commits
	mappedBit = 1 << 40   // dense numbers from here on stand for keys that are no small integers
	maxDomain = 1<<32 - 1 // voters a period can tell apart
)

var (
	// ErrClosed says that the ledger was closed.
	ErrClosed = errors.New("the ledger is closed")
	// ErrFull says that there is no room for another voter key; Config.Others says how many fit.
	ErrFull = errors.New("the ledger has no number left for another voter key: raise the number of other keys, it counts from the next period on")
)

// Disclosure says that voters' records were given to somebody.
type Disclosure struct {
	Principal string // who: the person, as the database knows them
	Program   string
	Purpose   string
	Statement uint64    // fingerprint
	Time      time.Time // zero means now
	Voters    []uint64  // as Number gave them
}

// Config says how a ledger is kept. The zero value of each field but Keys has a meaning.
type Config struct {
	// Keys is the folder with one key per period. Who has it and the ledger can read whose
	// records stand there, so it should lie outside the ledger's folder and its backups.
	// It is made when it is missing.
	Keys string
	// Integers is how many voter keys pass as they are: 0 up to Integers-1. Default 60 million. The
	// closer Integers+Others is to the size of the register, the smaller the ledger.
	Integers uint64
	// Others is how many different other keys (text, UUIDs, larger integers) a period can
	// hold, each in memory. Default 1 million.
	Others uint64
	// Months is the length of a period: 1, 3, 6 or 12 (default). Erasing goes by whole periods.
	Months int
	// Origin is the log's name in checkpoints, unique in the world. Default "portcullis.invalid/register".
	Origin string
	// Signer signs checkpoints. Without one there are none, and nobody outside can hold the
	// operator to them.
	Signer note.Signer
	// Heartbeat is how exactly the end of a run that ended uncleanly is known. Default 15 s.
	Heartbeat time.Duration
	// Log gets what nobody is waiting for: a sealing that failed and will be tried again.
	Log *slog.Logger

	files       fileLayer // tests bring their own
	clock       func() (wall time.Time, elapsed time.Duration)
	segmentSize int64 // of the write-ahead log
	openPairs   int   // disclosures held in memory before they are sealed within the hour
}

func (c Config) withDefaults(dir string) (Config, error) {
	if c.Keys == "" {
		c.Keys = filepath.Join(dir, "keys")
	}
	if c.Integers == 0 {
		c.Integers = 60_000_000
	}
	if c.Others == 0 {
		c.Others = 1_000_000
	}
	if c.Months == 0 {
		c.Months = 12
	}
	if c.Origin == "" {
		c.Origin = "portcullis.invalid/register"
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.files == nil {
		c.files = osFiles{}
	}
	if c.clock == nil {
		start := time.Now()
		c.clock = func() (time.Time, time.Duration) { return time.Now(), time.Since(start) }
	}
	if c.segmentSize == 0 {
		c.segmentSize = 16 << 20
	}
	if c.openPairs == 0 {
		c.openPairs = 4 << 20
	}
	return c, c.Validate()
}

// Validate tells everything that is wrong with a configuration.
func (c Config) Validate() error {
	var errs []error
	switch c.Months {
	case 0, 1, 3, 6, 12:
	default:
		errs = append(errs, fmt.Errorf("a period of %d months: want 1, 3, 6 or 12", c.Months))
	}
	if c.Integers > maxDomain || c.Others > maxDomain || c.Integers+c.Others > maxDomain {
		errs = append(errs, fmt.Errorf("%d integer and %d other keys: both together have to be under %d", c.Integers, c.Others, uint64(maxDomain)))
	}
	if c.Heartbeat < 0 || c.Heartbeat > time.Hour {
		errs = append(errs, fmt.Errorf("a heartbeat every %s: want up to an hour", c.Heartbeat))
	}
	return errors.Join(errs...)
}

// Ledger is a ledger open for writing. One process has it at a time; others may read
// ([OpenView]) meanwhile. It is safe for concurrent use.
type Ledger struct {
	dir  string
	cfg  Config
	lock *fileLock

	periods *periods
	numbers *numbers

	mu      sync.Mutex
	next    *group   // what the next leader will write; guarded by mu
	done    bool     // closed; guarded by mu
	unled   []*group // nobody waits for them to be led; guarded by mu
	leading bool     // somebody leads those; guarded by mu

	leads sync.WaitGroup // groups that are not over; none begins once done is set

	// turn is held by the one that writes. It guards wal, buf, and what tick compares.
	turn chan struct{}
	wal  *wal
	buf  []byte
	last instant

	open  openBlocks // guarded by turn
	hour  int64      // the newest hour anything was recorded for; guarded by turn
	ended bool       // Close has come; guarded by turn
	seals sealer

	stop chan struct{}
	beat sync.WaitGroup
}

// instant is a moment on both clocks: the wall's, which may step, and the machine's, which can't.
type instant struct {
	wall    time.Time
	elapsed time.Duration
}

// Open opens the ledger in dir for writing, and makes it when there is none. What a crash
// left behind is taken up, and the time the guard was off is noted as a gap.
func Open(dir string, cfg Config) (*Ledger, error) {
	cfg, err := cfg.withDefaults(dir)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "wal"), filepath.Join(dir, "log"), filepath.Join(dir, "index"), filepath.Join(dir, "numbers"), cfg.Keys} {
		if err := makeFolder(cfg.files, d); err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	l := &Ledger{dir: dir, cfg: cfg, lock: lock, turn: make(chan struct{}, 1), stop: make(chan struct{})}
	if err := l.takeUp(); err != nil {
		if l.wal != nil {
			_ = l.wal.close()
		}
		return nil, errors.Join(fmt.Errorf("open ledger %s: %w", dir, err), lock.release())
	}
	wall, elapsed := cfg.clock() // before anybody is told that it is open: from here on a stop of the machine is noticed
	l.beat.Go(func() { l.live(instant{wall, elapsed}) })
	return l, nil
}

// Record writes a disclosure down and returns nil once it is synced. On any error nothing
// must be released; the disclosure may be found in the ledger all the same.
func (l *Ledger) Record(ctx context.Context, d *Disclosure) error {
	w, err := l.disclosed(d)
	if err == nil {
		w.period.permutation.forwardAll(w.rec.voters)
		err = l.commit(ctx, w)
	}
	if err != nil {
		return fmt.Errorf("ledger: record a disclosure: %w", err)
	}
	return nil
}

// RecordLater is Record that does not wait: done is called once with what Record would have returned, from
// another goroutine, before Close returns, and in haste, for others wait behind it. With an error it is not called:
// one is that too much waits already, and then Record waits for its turn.
func (l *Ledger) RecordLater(d *Disclosure, done func(error)) error {
	w, err := l.disclosed(d)
	if err == nil {
		w.done = done
		err = l.commitLater(w)
	}
	if err != nil {
		return fmt.Errorf("ledger: record a disclosure: %w", err)
	}
	return nil
}

// disclosed makes a record of a disclosure, with the numbers as they are before they are permuted. It keeps nothing of d.
func (l *Ledger) disclosed(d *Disclosure) (*waiting, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	at := d.Time
	if at.IsZero() {
		at, _ = l.cfg.clock()
	}
	p, err := l.periods.at(at)
	if err != nil {
		return nil, explain(err)
	}
	w := &waiting{period: p, rec: record{
		kind: recordDisclosure, time: at.UnixMicro(), period: p.from,
		names: names{d.Principal, d.Program, d.Purpose}, statement: d.Statement, voters: make([]uint32, len(d.Voters)),
	}}
	w.mapped, err = l.place(p, d.Voters, w.rec.voters)
	return w, err
}

func (d *Disclosure) check() error {
	for _, s := range []string{d.Principal, d.Program, d.Purpose} {
		if len(s) > maxName {
			return fmt.Errorf("a name of %d bytes: at most %d are kept", len(s), maxName)
		}
	}
	if len(d.Voters) > maxVoters {
		return fmt.Errorf("%d voters at once: at most %d, record them in several", len(d.Voters), maxVoters)
	}
	return checkTime(d.Time)
}

// checkTime keeps out what no block can hold; a clock may be wrong, but not by centuries.
func checkTime(t time.Time) error {
	if !t.IsZero() && (t.Year() < 1971 || t.Year() > 2999) {
		return fmt.Errorf("the time %s: is the clock right?", t.UTC().Format(time.RFC3339))
	}
	return nil
}

// place turns dense numbers into those that the period permutes, and says which of them stand for keys that
// the period's file has to know before they are used.
func (l *Ledger) place(p *period, voters []uint64, out []uint32) (mapped []uint32, err error) {
	for i, v := range voters {
		x := v
		if v >= mappedBit {
			x = v - mappedBit
			if x >= p.others || x >= math.MaxUint32 {
				return nil, ErrFull
			}
			if !l.numbers.usedIn(p, uint32(x)) {
				if _, given := l.numbers.key(v); !given {
					return nil, fmt.Errorf("voter number %d was not given out by Number", v)
				}
				mapped = append(mapped, uint32(x))
			}
			x += p.integers
		} else if v >= p.integers {
			return nil, fmt.Errorf("voter number %d: this period knows integers under %d; ask Number for one", v, p.integers)
		}
		out[i] = uint32(x)
	}
	return mapped, nil
}

// Note writes down something that is no disclosure, and returns nil once it is synced. A
// zero Time means now.
func (l *Ledger) Note(ctx context.Context, e Entry) error {
	if err := l.note(ctx, e); err != nil {
		return fmt.Errorf("ledger: note %s: %w", e.Kind, err)
	}
	return nil
}

func (l *Ledger) note(ctx context.Context, e Entry) error {
	if e.Time.IsZero() {
		e.Time, _ = l.cfg.clock()
	}
	w, err := e.waiting()
	if err != nil {
		return err
	}
	return l.commit(ctx, w)
}

func (e Entry) waiting() (*waiting, error) {
	if err := checkTime(e.Time); err != nil {
		return nil, err
	}
	if e.Kind == "" {
		return nil, errors.New("an entry needs a kind")
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if len(body) > maxEntry {
		return nil, fmt.Errorf("an entry of %d bytes: at most %d", len(body), maxEntry)
	}
	return &waiting{rec: record{kind: recordEntry, time: e.Time.UnixMicro(), entry: body}}, nil
}

// Number gives the dense number for a voter's key: an integer in the range is its own
// number, every other key gets one that stays the same as long as a period that used it
// is kept. What was given a number reaches the disk with the first Record that uses it.
func (l *Ledger) Number(key []byte) (uint64, error) {
	if n, ok := parseInteger(key); ok && n < l.periods.integers() {
		return n, nil
	}
	if len(key) == 0 || len(key) > maxKey {
		return 0, fmt.Errorf("ledger: a voter key of %d bytes: want 1 to %d", len(key), maxKey)
	}
	n, err := l.numbers.number(key)
	if err != nil {
		return 0, fmt.Errorf("ledger: number a voter key: %w", err)
	}
	return n, nil
}

// NumberInteger is Number for a key that is an integer already.
func (l *Ledger) NumberInteger(key uint64) (uint64, error) {
	if key < l.periods.integers() {
		return key, nil
	}
	return l.Number(fmt.Appendf(nil, "%d", key))
}

// parseInteger reads an integer as databases print it: digits, no sign, no leading zero.
// "007" is a text key: it is another key than "7".
func parseInteger(key []byte) (n uint64, ok bool) {
	if len(key) == 0 || len(key) > 12 || key[0] == '0' && len(key) > 1 {
		return 0, false
	}
	for _, c := range key {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
