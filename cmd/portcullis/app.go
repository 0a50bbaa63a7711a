package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/assessment"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/chain"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	sealed "portcullis.example/portcullis/internal/pack"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
	"portcullis.example/portcullis/internal/screening/ledger"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/web/access"
)

// app is what commands share: the store, the key, and where they came from.
type app struct {
	cfg       Config
	store     *store.Store
	key       archive.Key
	dir       string
	temporary bool
}

// storeConfig orders the migrations of all contexts.
func storeConfig(cfg Config, dir string, readOnly bool) (store.Config, error) {
	url := cfg.Database
	if cfg.DatabaseFile != "" {
		raw, err := os.ReadFile(cfg.DatabaseFile)
		if err != nil {
			return store.Config{}, fmt.Errorf("database_file: %w", err)
		}
		url = strings.TrimSpace(string(raw))
	}
	return store.Config{
		URL: url, Dir: dir, ReadOnly: readOnly,
		Migrations: []store.Migrations{
			{Context: "mail", FS: records.Migrations()},
			{Context: "archive", FS: archive.Migrations()},
			{Context: "chain", FS: chain.Migrations()},
			{Context: "campaigns", FS: campaigns.Migrations()},
			{Context: "assessment", FS: assessment.Migrations()},
			{Context: "response", FS: response.Migrations()},
			{Context: "access", FS: access.Migrations()},
			{Context: "screening", FS: ledger.Migrations()},
			{Context: "pack", FS: sealed.Migrations()},
		},
	}, nil
}

// openApp opens the store that the configuration names. With temporary, and
// where nothing names a folder, it makes one that close removes again.
func openApp(ctx context.Context, cfg Config, readOnly, temporary bool) (*app, error) {
	a := &app{cfg: cfg, dir: cfg.Data}
	if err := a.place(temporary); err != nil {
		return nil, err
	}
	sc, err := storeConfig(cfg, a.dir, readOnly)
	if err != nil {
		return nil, err
	}
	if readOnly && sc.URL == "" {
		if _, err := os.Stat(a.dir); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("there is no data folder %s yet; `portcullis scan --data %s MAILBOX…` makes one", a.dir, a.dir)
		}
	}
	if err := a.unlock(ctx, sc); err != nil {
		if a.temporary {
			err = errors.Join(err, os.RemoveAll(a.dir))
		}
		return nil, err
	}
	return a, nil
}

// unlock loads the key, opens the store, and sees to it that they belong together.
func (a *app) unlock(ctx context.Context, sc store.Config) (err error) {
	path := a.keyFile()
	if !a.temporary && within(a.dir, path) {
		return exitError{exitIncomplete, fmt.Errorf("the key file %s would lie in the data folder: whoever takes the folder has the key too; name another place with key_file in the configuration, or another --data", path)}
	}
	if a.key, _, err = archive.LoadKey(path); err != nil {
		return err
	}
	if a.store, err = store.Open(ctx, sc); err != nil {
		return err
	}
	if err := a.checkKey(ctx, sc.ReadOnly); err != nil {
		return errors.Join(err, a.store.Close())
	}
	return nil
}

// keyMark is the input that tells with which key a store was made, without
// telling the key.
const keyMark = "key"

// checkKey refuses to write with another key than the store was made with: what
// is then stored would never be found together with what is there. Reading
// goes on, for most of it needs no key.
func (a *app) checkKey(ctx context.Context, readOnly bool) error {
	if readOnly {
		return nil
	}
	mark := []byte(a.key.Text("this store's key"))
	have, ok, err := records.NewReader(a.store.DB()).Input(ctx, keyMark)
	switch {
	case err != nil:
		return err
	case !ok:
		return a.tx(ctx, func(w *records.Writer) error { return w.PutInput(ctx, keyMark, keyMark, mark, time.Now()) })
	case !bytes.Equal(have, mark):
		return fmt.Errorf("the key file %s is not the one that the store in %s was made with: addresses stored with one are not found with the other; put the right file back, or name it with key_file in the configuration", a.keyFile(), a.dir)
	}
	return nil
}

// within tells whether a path lies in a folder, whatever links lead there.
func within(dir, path string) bool {
	dir, path = resolved(dir), resolved(path)
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// resolved follows the links of as much of a path as exists.
func resolved(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(resolved(parent), filepath.Base(path))
	}
	return path
}

func (a *app) place(temporary bool) error {
	if a.dir != "" {
		return nil
	}
	if temporary && a.cfg.Database == "" && a.cfg.DatabaseFile == "" {
		dir, err := os.MkdirTemp("", "portcullis-")
		if err != nil {
			return fmt.Errorf("make a temporary data folder: %w", err)
		}
		a.dir, a.temporary = dir, true
		return nil
	}
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return fmt.Errorf("find the data folder: %w; name one with --data", err)
		}
		base = filepath.Join(home, ".local", "share")
	}
	a.dir = filepath.Join(base, "portcullis")
	return nil
}

// keyFile is outside the data folder, so that a stolen folder is not every
// member's contact graph. A temporary store's key goes with it.
func (a *app) keyFile() string {
	switch {
	case a.cfg.KeyFile != "":
		return a.cfg.KeyFile
	case a.temporary:
		return filepath.Join(a.dir, "archive.key")
	}
	base, err := os.UserConfigDir()
	if err != nil {
		base = filepath.Dir(a.dir)
	}
	return filepath.Join(base, "portcullis", "archive.key")
}

func (a *app) close() error {
	err := a.store.Close()
	if a.temporary {
		err = errors.Join(err, os.RemoveAll(a.dir))
	}
	return err
}

// protected is the people file as loaded, with its bytes: they are kept with the
// verdicts they led to.
type protected struct {
	dir *people.Directory
	raw []byte
}

// loadPeople reads the people file; problems that make it unusable are all
// told at once.
func loadPeople(path string) (protected, error) {
	if path == "" {
		dir, _, err := people.Parse("", strings.NewReader(""))
		return protected{dir: dir}, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return protected{}, fmt.Errorf("people: %w", err)
	}
	dir, problems, err := people.Parse(path, strings.NewReader(string(raw)))
	if err != nil {
		return protected{}, err
	}
	var errs []error
	for _, p := range problems {
		if !p.Warning {
			errs = append(errs, fmt.Errorf("%s:%d: %s", p.File, p.Line, p.Message))
		}
	}
	if len(errs) > 0 {
		return protected{}, fmt.Errorf("the people file cannot be used as it is (`portcullis people check %s` says more):\n%w", path, errors.Join(errs...))
	}
	return protected{dir: dir, raw: raw}, nil
}

// loadModel reads the learned model of the data folder, or the one shipped.
func loadModel(dir string) (mail.TextModel, error) {
	raw, err := os.ReadFile(modelPath(dir))
	if errors.Is(err, os.ErrNotExist) {
		return mail.ShippedModel()
	}
	if err != nil {
		return nil, fmt.Errorf("text model: %w", err)
	}
	model, err := mail.ReadModel(raw)
	if err != nil {
		return nil, fmt.Errorf("text model %s: %w; `portcullis learn` writes a new one", modelPath(dir), err)
	}
	return model, nil
}

// owns tells the files of this program's own data folder, which a scan of a folder
// around it passes over.
func (a *app) owns() func(file string) bool {
	dir := resolved(a.dir)
	return func(file string) bool { return store.Owns(dir, file) || file == modelPath(dir) }
}

func modelPath(dir string) string { return filepath.Join(dir, "text-model.json") }

// factsBase is the part of the facts that is the same for all messages of a run.
type factsBase struct {
	people, config, model string
	configJSON            []byte
}

func newFactsBase(cfg Config, who protected, model mail.TextModel) (factsBase, error) {
	hash, encoded, err := cfg.judging()
	if err != nil {
		return factsBase{}, err
	}
	base := factsBase{people: who.dir.Version(), config: hash, configJSON: encoded}
	if model != nil && !cfg.Mail.NoModel {
		base.model = model.Version()
	}
	return base, nil
}

// compactJSON marshals a value that cannot fail to marshal.
func compactJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
