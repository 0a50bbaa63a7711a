package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/web/access"
)

type backupCommand struct {
	File string `arg:"" help:"File to write." type:"path"`
}

type restoreCommand struct {
	File string `arg:"" help:"File that backup wrote." type:"path"`
}

type retainCommand struct {
	Days int `help:"Keep so many days. Default: retention_days of the configuration (400)." placeholder:"N"`
}

type eraseCommand struct {
	Person string `help:"Whom to erase: name, address or id." required:"" placeholder:"WHO"`
	People string `help:"File of protected people. Default: the one of the last scan." placeholder:"FILE" type:"path"`
	Yes    bool   `help:"Do it. Without this, tell what would be erased."`
}

type replayCommand struct{}

type settingsCommand struct {
	Check settingsCheckCommand `cmd:"" help:"Tell all problems of the configuration at once."`
}

type settingsCheckCommand struct{}

type versionCommand struct{}

// tx runs fn with a writer in one transaction.
func (a *app) tx(ctx context.Context, fn func(w *records.Writer) error) error {
	return a.store.Tx(ctx, func(tx *sql.Tx) error {
		w := records.NewWriter(tx)
		defer w.Close()
		return fn(w)
	})
}

// Run writes a backup. The key file is not in it: keep it apart.
func (c *backupCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if err := a.store.Backup(ctx, c.File); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Backed up to %s. The key of stored addresses is not in it; keep %s as well, elsewhere.\n", c.File, a.keyFile())
	return nil
}

func openExisting(ctx context.Context, g *Globals, readOnly bool) (*app, error) {
	cfg, err := loadConfig(g)
	if err != nil {
		return nil, exitError{exitIncomplete, err}
	}
	return openApp(ctx, cfg, readOnly, false)
}

// Run restores into an empty data folder.
func (c *restoreCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	a := &app{cfg: cfg, dir: cfg.Data}
	if err := a.place(false); err != nil {
		return err
	}
	sc, err := storeConfig(cfg, a.dir, false)
	if err != nil {
		return err
	}
	if err := store.Restore(ctx, c.File, sc); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Restored to %s. Addresses can be hunted only with the key file of then: put it at %s.\n", a.dir, a.keyFile())
	return nil
}

// Run removes what is too old.
func (c *retainCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	days := a.cfg.RetentionDays
	if c.Days > 0 {
		days = c.Days
	}
	before := time.Now().AddDate(0, 0, -days)
	removed := 0
	for {
		n, err := a.retainSome(ctx, before)
		if err != nil {
			return err
		}
		if removed += n; n == 0 {
			break
		}
	}
	if err := a.retainRest(ctx, before); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Removed %s from before %s (%s).\n", count(removed, "message"), before.Format("2 Jan 2006"), count(days, "day"))
	fmt.Fprintln(std.out, "Mail whose time no trusted server told (trusted_relays in the configuration) counts from the day it was scanned: its Date is what the sender wrote.")
	return nil
}

func (a *app) retainSome(ctx context.Context, before time.Time) (n int, err error) {
	err = a.store.Tx(ctx, func(tx *sql.Tx) error {
		if err := a.wipe(ctx, tx); err != nil {
			return err
		}
		w, aw := records.NewWriter(tx), archive.NewWriter(tx)
		defer w.Close()
		defer aw.Close()
		ids, err := w.Retain(ctx, before, 500)
		if err != nil {
			return err
		}
		n = len(ids)
		if n == 0 {
			return aw.Sweep(ctx)
		}
		return a.removeEvents(ctx, tx, aw, ids)
	})
	return n, err
}

// wipe makes SQLite overwrite what this store's connection deletes from now on,
// in pages that become free as well. It costs writes, so it is for removals only.
func (a *app) wipe(ctx context.Context, tx *sql.Tx) error {
	return a.secureDelete(ctx, tx, "ON")
}

// wipeLess ends what wipe began.
func (a *app) wipeLess(ctx context.Context, tx *sql.Tx) error {
	return a.secureDelete(ctx, tx, "FAST")
}

func (a *app) secureDelete(ctx context.Context, tx *sql.Tx, how string) error {
	if a.store.Dialect() != store.SQLite {
		return nil
	}
	if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = "+how); err != nil {
		return fmt.Errorf("overwrite what is deleted: %w", err)
	}
	return nil
}

func (a *app) removeEvents(ctx context.Context, tx *sql.Tx, aw *archive.Writer, ids []portcullis.ID) error {
	for _, id := range ids {
		if err := aw.Remove(ctx, id); err != nil {
			return err
		}
	}
	w := campaigns.NewWriter(tx, campaigns.Deps{})
	defer w.Close()
	return w.Remove(ctx, ids)
}

// forget removes a person from what the other parts keep. That the chains had entries about
// them stays, with what these said blanked.
func (a *app) forget(ctx context.Context, tx *sql.Tx, person portcullis.ID, names []string) error {
	w := campaigns.NewWriter(tx, campaigns.Deps{})
	defer w.Close()
	if err := w.RemovePerson(ctx, person); err != nil {
		return err
	}
	if _, err := response.NewWriter(tx, a.cfg.Notices, time.Now()).Erase(ctx, person); err != nil {
		return err
	}
	ctx = api.WithCaller(ctx, api.Caller{Name: "command line: " + userName(), Via: api.ViaCommandLine})
	if _, err := access.LiftHold(ctx, tx, person); err != nil {
		return err
	}
	kept, err := a.ledger()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := kept.Erase(ctx, tx, name); err != nil {
			return err
		}
	}
	_, err = access.ErasePerson(ctx, tx, person)
	return err
}

// retainRest removes what the other parts keep from before a time.
func (a *app) retainRest(ctx context.Context, before time.Time) error {
	ctx = api.WithCaller(ctx, api.Caller{Name: "command line: " + userName(), Via: api.ViaCommandLine})
	return a.store.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := response.NewWriter(tx, a.cfg.Notices, time.Now()).Retain(ctx, before); err != nil {
			return err
		}
		if _, err := access.Retain(ctx, tx, before); err != nil {
			return err
		}
		kept, err := a.ledger()
		if err != nil {
			return err
		}
		if err := kept.Forget(ctx, tx); err != nil {
			return err
		}
		_, err = chain.EraseBefore(ctx, tx, ledger.Log, before)
		return err
	})
}

// Run erases one person.
func (c *eraseCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	dir, err := lastPeople(ctx, records.NewReader(a.store.DB()), c.People)
	if err != nil {
		return err
	}
	ids, err := findPeople(dir, c.Person)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if len(ids) > 1 {
		return exitError{exitIncomplete, fmt.Errorf("%q is more than one person: %s; give an address or an id", c.Person, nameAll(dir, ids))}
	}
	p := dir.Person(ids[0])
	if !c.Yes {
		fmt.Fprintf(std.out, "This would erase %s (%s) from %s: mail that only they got or wrote, and their name and addresses in the rest. It cannot be undone; backups are not touched. Add --yes to do it.\n", p.Name, p.ID, a.dir)
		return nil
	}
	removed, kept, err := a.erase(ctx, p)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Erased %s: %s removed, %s kept without them. Remove them from the people file as well, and think of backups.\n", p.Name, count(removed, "message"), thousands(kept))
	return nil
}

func (a *app) erase(ctx context.Context, p *people.Person) (removed, kept int, err error) {
	addresses := []string{}
	for _, address := range p.Addresses {
		addresses = append(addresses, strings.ToLower(address), a.key.Address(strings.ToLower(address)))
	}
	err = a.store.Tx(ctx, func(tx *sql.Tx) error {
		w, aw := records.NewWriter(tx), archive.NewWriter(tx)
		defer w.Close()
		defer aw.Close()
		gone, stay, err := w.Erase(ctx, records.Erasure{Person: p.ID, Addresses: addresses, Names: append([]string{p.Name}, p.Names...)})
		if err != nil {
			return err
		}
		removed, kept = len(gone), len(stay)
		if err := a.removeEvents(ctx, tx, aw, gone); err != nil {
			return err
		}
		if err := a.forget(ctx, tx, p.ID, append([]string{p.Name}, p.Names...)); err != nil {
			return err
		}
		if err := aw.RemoveValues(ctx, portcullis.TypeEmail, addresses); err != nil {
			return err
		}
		return aw.Sweep(ctx)
	})
	if err != nil {
		return 0, 0, err
	}
	return removed, kept, a.store.Compact(ctx) // what was deleted must not stay readable in free pages
}

// Run judges kept messages again from their stored facts.
func (c *replayCommand) Run(ctx context.Context, std stdio, g *Globals) (err error) {
	a, err := openExisting(ctx, g, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	r := replayer{reader: records.NewReader(a.store.DB()), dir: a.dir, judges: map[string]*mail.Judge{}, scrubbed: map[string]bool{}}
	err = r.reader.Revisions(ctx, func(id portcullis.ID, v portcullis.Verdict, stored, raw []byte) error {
		again, err := r.replay(ctx, id, v, raw)
		if errors.Is(err, records.ErrRemoved) {
			r.removed++
			return nil
		}
		if err != nil {
			return fmt.Errorf("replay %s: %w", id, err)
		}
		if !bytes.Equal(stored, again) && r.without {
			r.removed++ // somebody it was judged with was erased
			return nil
		}
		r.total++
		if !bytes.Equal(stored, again) {
			r.differ++
			fmt.Fprintf(std.out, "%s revision %d differs\n", id, v.Revision)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s replayed, %d differ.\n", count(r.total, "revision"), r.differ)
	if r.removed > 0 {
		fmt.Fprintf(std.out, "%s cannot be replayed: retention or an erasure removed what they rest on.\n", count(r.removed, "more revision"))
	}
	unkept, err := r.reader.Unkept(ctx)
	if err != nil {
		return err
	}
	if unkept > 0 {
		fmt.Fprintf(std.out, "%s cannot be replayed: the bytes of their mails are not kept (scan --keep all keeps them).\n", count(unkept, "more revision"))
	}
	if r.differ > 0 {
		return exitError{exitFailed, nil}
	}
	return nil
}

// replayer judges with what was stored: people, configuration and model by
// their hashes, facts, and the message's bytes. It opens nothing else.
type replayer struct {
	reader        *records.Reader
	dir           string
	judges        map[string]*mail.Judge
	scrubbed      map[string]bool    // people files that somebody was erased from
	last          portcullis.Verdict // the revision before
	total, differ int
	removed       int  // cannot be replayed any more
	without       bool // the judge of this revision lacks somebody who was erased
}

func (r *replayer) replay(ctx context.Context, id portcullis.ID, v portcullis.Verdict, raw []byte) ([]byte, error) {
	defer func() { r.last = v }()
	again, err := r.judgeAgain(ctx, id, v, raw)
	if err != nil {
		return nil, err
	}
	again.Revision, again.Facts = v.Revision, v.Facts
	return json.Marshal(again)
}

// judgeAgain judges as a revision came about: the message alone, or by comparing.
func (r *replayer) judgeAgain(ctx context.Context, id portcullis.ID, v portcullis.Verdict, raw []byte) (again portcullis.Verdict, err error) {
	facts, err := r.reader.Facts(ctx, id, v.Revision)
	if err != nil {
		return again, err
	}
	if facts != nil {
		j, err := r.judge(ctx, facts.People, facts.Config, facts.Model)
		if err != nil {
			return again, err
		}
		return j.Judge(message.Parse(raw, message.DefaultLimits()), facts), nil
	}
	sighted, ok, err := r.reader.SightedFacts(ctx, v.Facts)
	if err != nil {
		return again, err
	}
	if ok {
		j, err := r.judge(ctx, sighted.People, sighted.Config, sighted.Model)
		if err != nil {
			return again, err
		}
		return j.Sight(r.last, sighted), nil
	}
	group, err := r.reader.GroupFacts(ctx, v.Facts)
	if err != nil {
		return again, err
	}
	j, err := r.judge(ctx, group.People, group.Config, group.Model)
	if err != nil {
		return again, err
	}
	return j.Revise(r.last, foundFor(id, group.Copies, j.Compare(group.Group, group.Copies))), nil
}

// judge makes the judge of then.
func (r *replayer) judge(ctx context.Context, who, config, weights string) (*mail.Judge, error) {
	key := who + " " + config + " " + weights
	defer func() { r.without = r.scrubbed[who] }()
	if j, ok := r.judges[key]; ok {
		return j, nil
	}
	raw, err := r.input(ctx, "people file", who)
	if errors.Is(err, records.ErrRemoved) {
		raw, err = r.input(ctx, "people file", records.ErasedInput(who))
		r.scrubbed[who] = err == nil
	}
	if err != nil {
		return nil, err
	}
	dir, _, err := people.Parse("people.toml", bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	encoded, err := r.input(ctx, "configuration", config)
	if err != nil {
		return nil, err
	}
	var cfg mail.Config
	if err := json.Unmarshal(encoded, &cfg); err != nil {
		return nil, err
	}
	var model mail.TextModel
	if weights != "" {
		raw, err := r.input(ctx, "text model", weights)
		if err != nil {
			return nil, err
		}
		if model, err = mail.ReadModel(raw); err != nil {
			return nil, err
		}
	}
	j := mail.NewJudge(dir, cfg, model)
	r.judges[key] = j
	return j, nil
}

func (r *replayer) input(ctx context.Context, what, hash string) ([]byte, error) {
	raw, ok, err := r.reader.Input(ctx, hash)
	if err == nil && !ok {
		err = fmt.Errorf("the %s of then: %w", what, records.ErrRemoved)
	}
	return raw, err
}

// Run checks the configuration.
func (c *settingsCheckCommand) Run(std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if cfg.People != "" {
		if _, err := loadPeople(cfg.People); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	if err := cfg.checkSecrets(); err != nil {
		return exitError{exitIncomplete, err}
	}
	fmt.Fprintln(std.out, "The configuration is in order.")
	return nil
}

// checkSecrets tells of all files of secrets at once whether they are there, are nobody else's to
// read, and hold what they should. What they hold is never told.
func (c Config) checkSecrets() error {
	errs := []error{c.Desk.CheckSecrets()}
	for name, path := range map[string]string{"database_file": c.DatabaseFile, "notices.smtp.password_file": c.Notices.SMTP.PasswordFile} {
		if path == "" {
			continue
		}
		if err := access.CheckSecretFile(path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// Run prints the version.
func (c *versionCommand) Run(std stdio) error {
	_, err := fmt.Fprintf(std.out, "portcullis %s, rules of %s\n", version(), mail.Engine)
	return err
}
