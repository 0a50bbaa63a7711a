package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"portcullis.example/portcullis/internal/archive"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/mail/records"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/store"
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
	if a.key, _, err = archive.LoadKey(a.keyFile()); err != nil {
		return nil, err
	}
	if a.store, err = store.Open(ctx, sc); err != nil {
		return nil, err
	}
	return a, nil
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

func sha256Hex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// compactJSON marshals a value that cannot fail to marshal.
func compactJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}
