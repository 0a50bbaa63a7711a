package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
)

// KindShared is what the ledger calls it that something came into force here which was decided at another guard.
const KindShared = "shared"

// tellEvery is how often guards that share a store tell each other what they have counted.
const tellEvery = time.Second

// sharing is the store that guards share. What guards tell each other has connections of its own: where another guard has
// died with a count locked, all that count may wait for it, and the guards must hear of each other all the same.
type sharing struct {
	counts, exchange      *meter.SQLStore
	countingDB, tellingDB *sql.DB
}

// So many connections a guard has to the store at most: each count is locked, so more would wait for each other there, and
// PostgreSQL has a hundred for all.
const (
	countingConns = 8
	tellingConns  = 2
)

// openShared opens the store that guards share; nil if budgets are this guard's own.
func (c *Config) openShared(ctx context.Context) (_ *sharing, err error) {
	if c.SharedFile == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(c.SharedFile)
	if err != nil {
		return nil, fmt.Errorf("register: shared_file: %w", err)
	}
	s := &sharing{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("register: shared_file: %w", err), s.close())
		}
	}()
	address := strings.TrimSpace(string(raw))
	if s.countingDB, err = openLimited(address, countingConns); err != nil {
		return nil, err
	}
	if s.tellingDB, err = openLimited(address, tellingConns); err != nil {
		return nil, err
	}
	if s.counts, err = meter.OpenSQLStore(ctx, s.countingDB); err != nil {
		return nil, err
	}
	s.exchange, err = meter.OpenSQLStore(ctx, s.tellingDB)
	return s, err
}

func openLimited(address string, most int) (*sql.DB, error) {
	db, err := sql.Open("pgx", address)
	if err == nil {
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
		db.SetConnMaxIdleTime(time.Minute)
	}
	return db, err
}

// close ends it; nil has nothing to end.
func (s *sharing) close() (err error) {
	if s == nil {
		return nil
	}
	for _, db := range []*sql.DB{s.countingDB, s.tellingDB} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// share joins the other guards' budgets.
func (g *Guard) share(ctx context.Context) (err error) {
	if g.shared, err = g.cfg.openShared(ctx); err == nil && g.shared != nil {
		g.meter.Share(g.shared.counts)
	}
	return err
}

// join takes over what the other guards have decided. It comes after what this one's ledger says: where both speak,
// the store does.
func (g *Guard) join(ctx context.Context) error {
	if g.shared == nil {
		return nil
	}
	if err := g.meter.Join(ctx, g.shared.exchange, g.clock.Now()); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return g.noteCommon(ctx)
}

// followOthers tells the other guards and hears them.
func (g *Guard) followOthers(ctx context.Context) {
	if g.shared == nil {
		return
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		once, end := context.WithTimeout(ctx, 3*time.Second)
		news, err := g.meter.Sync(once, g.clock.Now())
		end()
		if err == nil && news {
			err = g.noteCommon(ctx)
		}
		switch {
		case err != nil && ctx.Err() == nil && !away:
			g.log.Error("the store that is shared with other guards does not answer; while enforcing nothing leaves until it does", "error", err)
		case err == nil && away:
			g.log.Info("the store that is shared with other guards answers again")
		}
		away = err != nil
	}
}

// noteCommon writes down what holds here because it was decided elsewhere: this ledger has to tell by itself why
// somebody was given more.
func (g *Guard) noteCommon(ctx context.Context) error {
	c := g.meter.Common()
	detail, err := json.Marshal(c)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("as all guards have it: %d grants", len(c.Grants))
	if c.Emergency != nil {
		text += ", an emergency until " + time.UnixMicro(c.Ends).UTC().Format(time.RFC3339)
	}
	if c.Until > time.Now().UnixMicro() {
		text += ", the brake until " + time.UnixMicro(c.Until).UTC().Format(time.RFC3339)
	}
	return g.book.Note(ctx, ledger.Entry{Kind: KindShared, Text: text, Detail: detail})
}

// NewOffice is an office without a guard: for acts while none is running. Where guards share a store, what is decided holds for
// all of them. End it with end.
func NewOffice(ctx context.Context, cfg *Config, book *ledger.Ledger, p *meter.Policy) (o *Office, end func() error, err error) {
	shared, err := cfg.openShared(ctx)
	if err != nil {
		return nil, nil, err
	}
	end = shared.close
	defer func() {
		if err != nil {
			err = errors.Join(err, end())
		}
	}()
	o = newOffice(book, nil, meter.New(p), time.Now)
	view, err := book.View(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = view.Close() }()
	if err := o.takeUp(ctx, view); err != nil {
		return nil, nil, err
	}
	if shared != nil {
		o.meter.Share(shared.counts)
		err = o.meter.Join(ctx, shared.exchange, time.Now())
	}
	return o, end, err
}
