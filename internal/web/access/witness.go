package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"portcullis.example/portcullis/internal/chain"
)

// Witness takes checkpoints of the logs out of reach of whoever rules the desk's machine: to
// a folder (a mount of another machine that lets files be added and not changed), to a URL,
// or both. Later [CheckWitnessed] compares: a log that has been cut off or written anew since
// a checkpoint no longer has what the checkpoint saw.
//
// A folder holds, for each log, a folder with the log's name, escaped as in a URL, and in it
// one note per checkpoint, named by the number of entries. No file is ever written over.
// A Witness is for one goroutine.
type Witness struct {
	dir, url string
	every    time.Duration
	signer   note.Signer
	verifier note.Verifier
	client   *http.Client
	log      *slog.Logger
	seen     map[string]*chain.Checker // each log as far as it was checked, in this run
	told     map[string]int64          // up to which entry checkpoints have gone out, in this run
}

// NewWitness reads the key, or makes one where there is none. It returns nil where the
// configuration names no place. Client and logger may be nil.
func NewWitness(cfg WitnessConfig, client *http.Client, log *slog.Logger) (*Witness, error) {
	if cfg.Dir == "" && cfg.URL == "" {
		return nil, nil
	}
	key, err := LoadWitnessKey(cfg.KeyFile, cfg.Name, true)
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = outbound()
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Witness{dir: cfg.Dir, url: cfg.URL, every: time.Duration(cfg.Minutes) * time.Minute,
		signer: key.Signer, verifier: key.Verifier, client: client, log: log,
		seen: map[string]*chain.Checker{}, told: map[string]int64{}}, nil
}

// WitnessKey signs checkpoints; Public is what others check them with.
type WitnessKey struct {
	Signer   note.Signer
	Verifier note.Verifier
	Public   string
}

// LoadWitnessKey reads a signing key, whose public half lies beside it with ".pub" behind
// its name. With create it makes both where there is no such file.
func LoadWitnessKey(path, name string, create bool) (k WitnessKey, err error) {
	private, err := readSecret(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		if private, err = makeWitnessKey(path, name); err != nil {
			return k, fmt.Errorf("make the key of the witness: %w", err)
		}
	case err != nil:
		return k, fmt.Errorf("key of the witness: %w", err)
	}
	if k.Signer, err = note.NewSigner(private); err != nil {
		return k, fmt.Errorf("key of the witness %s: %w", path, err)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		return k, fmt.Errorf("public half of the witness's key: %w", err)
	}
	k.Public = strings.TrimSpace(string(public))
	if k.Verifier, err = note.NewVerifier(k.Public); err != nil {
		return k, fmt.Errorf("public half of the witness's key %s.pub: %w", path, err)
	}
	if k.Verifier.KeyHash() != k.Signer.KeyHash() || k.Verifier.Name() != k.Signer.Name() {
		return k, fmt.Errorf("%s and %s.pub are not halves of one key", path, path)
	}
	return k, nil
}

// makeWitnessKey writes the public half first: with the private one in place the key is
// there.
func makeWitnessKey(path, name string) (private string, err error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if err := os.WriteFile(path+".pub", []byte(public+"\n"), 0o644); err != nil { //nolint:gosec // public it is
		return "", err
	}
	return private, WriteSecret(path, private)
}

// WriteSecret writes a file that only its owner can read, and never over another.
func WriteSecret(path, secret string) error {
	return writeNew(path, []byte(secret+"\n"), 0o600)
}

// writeNew makes a file that must not exist, and removes it again when it cannot be written
// to its end.
func writeNew(path string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Run takes a checkpoint of each log that has grown, at once, every so many minutes, and when
// ctx ends. What fails is logged and tried again next time: the desk goes on.
func (w *Witness) Run(ctx context.Context, q querier) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		if err := w.Take(ctx, q); err != nil && ctx.Err() == nil {
			w.log.Error("checkpoints could not be taken outside", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
			defer cancel()
			if err := w.Take(last, q); err != nil {
				w.log.Error("the last checkpoints could not be taken outside", "error", err)
			}
			return nil
		}
	}
}

// Take takes a checkpoint of each log that has grown since the last time. All of a log is
// checked the first time, and what is new after that. One that does not fit, or no longer has
// what was seen last, is told and gets no checkpoint: a signature must not cover up what has
// been forged.
func (w *Witness) Take(ctx context.Context, q querier) error {
	heads, err := chain.Heads(ctx, q)
	if err != nil {
		return err
	}
	var errs []error
	for _, h := range heads {
		if h.Seq > 0 {
			errs = append(errs, w.one(ctx, q, h.Log))
		}
	}
	return errors.Join(errs...)
}

func (w *Witness) one(ctx context.Context, q querier, log string) error {
	if err := w.check(ctx, q, log); err != nil {
		return fmt.Errorf("no checkpoint is taken: %w", err)
	}
	h := w.seen[log].Head()
	if told, ok := w.told[log]; ok && told == h.Seq {
		return nil
	}
	msg, err := chain.Checkpoint(h, w.signer)
	if err != nil {
		return err
	}
	if err := errors.Join(w.toFolder(h, msg), w.toURL(ctx, msg)); err != nil {
		return err
	}
	w.told[log] = h.Seq
	return nil
}

// check brings what was seen of a log up to date. In a run's first look it begins with what
// the folder knows.
func (w *Witness) check(ctx context.Context, q querier, log string) error {
	if seen, ok := w.seen[log]; ok {
		next := *seen // kept as it is if the log does not fit
		if err := next.Run(ctx, q, log, nil); err != nil {
			return err
		}
		w.seen[log] = &next
		return nil
	}
	before, err := w.newest(log)
	if err != nil {
		return err
	}
	if before.Seq > 0 {
		if err := chain.Matches(ctx, q, before); err != nil {
			return err
		}
	}
	var all chain.Checker
	if err := all.Run(ctx, q, log, nil); err != nil {
		return err
	}
	w.seen[log] = &all
	return nil
}

// newest is the last checkpoint in the folder, for the first look of a run.
func (w *Witness) newest(log string) (newest chain.Head, err error) {
	if w.dir == "" {
		return chain.Head{}, nil
	}
	heads, err := readCheckpoints(filepath.Join(w.dir, folderOf(log)), log, note.VerifierList(w.verifier))
	for _, h := range heads {
		if h.Seq > newest.Seq {
			newest = h
		}
	}
	return newest, err
}

// folderOf is a log's folder. Full stops are escaped too, lest a name lead out of it.
func folderOf(log string) string { return strings.ReplaceAll(url.PathEscape(log), ".", "%2E") }

func (w *Witness) toFolder(h chain.Head, msg []byte) error {
	if w.dir == "" {
		return nil
	}
	dir := filepath.Join(w.dir, folderOf(h.Log))
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for others to read
		return fmt.Errorf("checkpoint: %w", err)
	}
	name := filepath.Join(dir, fmt.Sprintf("%012d.note", h.Seq))
	err := writeNew(name, msg, 0o644)
	if errors.Is(err, fs.ErrExist) { // taken before; the URL may have failed then
		there, readErr := os.ReadFile(name)
		if readErr == nil && bytes.Equal(there, msg) {
			return nil
		}
		return errors.Join(fmt.Errorf("checkpoint %s is there already and says something else: the log has been written anew, or the folder is another desk's", name), readErr)
	}
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

func (w *Witness) toURL(ctx context.Context, msg []byte) error {
	if w.url == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(msg))
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := w.client.Do(req)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("checkpoint: the witness answered %s", resp.Status)
	}
	return nil
}

// maxNotes bounds how many checkpoints of one log are read: one an hour for some years.
const maxNotes = 100_000

// readCheckpoints reads all of one log's folder. A file that is no checkpoint of that log, or
// not signed with the key, is an error beside those that are.
func readCheckpoints(dir, log string, v note.Verifiers) (heads []chain.Head, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	if len(entries) > maxNotes {
		return nil, fmt.Errorf("read checkpoints: %s holds %d files, more than %d", dir, len(entries), maxNotes)
	}
	var errs []error
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".note" {
			continue
		}
		h, err := readCheckpoint(filepath.Join(dir, e.Name()), v)
		if err == nil && h.Log != log {
			err = fmt.Errorf("it is of log %q", h.Log)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Join(dir, e.Name()), err))
			continue
		}
		heads = append(heads, h)
	}
	return heads, errors.Join(errs...)
}

func readCheckpoint(path string, v note.Verifiers) (chain.Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return chain.Head{}, err
	}
	defer func() { _ = f.Close() }() // only read
	msg, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return chain.Head{}, err
	}
	return chain.OpenCheckpoint(msg, v)
}

// Witnessed is what comparing one log with its checkpoints came to.
type Witnessed struct {
	Log         string
	Checkpoints int   // that were compared
	Upto        int64 // the newest of them
	Err         error // the first contradiction, or what could not be read
}

// CheckWitnessed compares every log with the checkpoints in a witness's folder. Public is the
// public half of the key, from wherever it has been kept safe, not from the desk's machine.
func CheckWitnessed(ctx context.Context, q querier, dir, public string) ([]Witnessed, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return nil, fmt.Errorf("public key of the witness: %w", err)
	}
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	var all []Witnessed
	for _, f := range folders {
		log, err := url.PathUnescape(f.Name())
		if err != nil || !f.IsDir() {
			continue
		}
		all = append(all, checkOne(ctx, q, filepath.Join(dir, f.Name()), log, note.VerifierList(verifier)))
	}
	return all, nil
}

func checkOne(ctx context.Context, q querier, dir, log string, v note.Verifiers) Witnessed {
	found := Witnessed{Log: log}
	heads, err := readCheckpoints(dir, log, v)
	if err != nil {
		found.Err = err
	}
	if _, err := chain.Verify(ctx, q, log); err != nil {
		found.Err = err
		return found
	}
	slices.SortFunc(heads, func(a, b chain.Head) int { return int(a.Seq - b.Seq) })
	for _, h := range heads {
		if err := chain.Matches(ctx, q, h); err != nil {
			found.Err = err
			return found
		}
		found.Checkpoints++
		found.Upto = h.Seq
	}
	return found
}
