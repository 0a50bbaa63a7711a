package register

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/register/ledger"
	"portcullis.example/portcullis/internal/register/meter"
)

// KindExtract is what the ledger calls a lawful bulk copy.
const KindExtract = "extract"

// extractProgram is under which name its voters stand there.
const extractProgram = "portcullis register extract"

// Extract is a lawful bulk copy, as the ledger is told of it.
type Extract struct {
	Recipient string `json:"recipient"`
	Extract   string `json:"extract"`
	Reason    string `json:"reason"`
	Rows      int    `json:"rows"`
	HoneySet  string `json:"honey_set"`
	SHA256    string `json:"sha256"`
}

// Extracting is what a running guard is told while an extract is made: with keys, whose records it
// has; without, that it is complete.
type Extracting struct {
	Token   string   `json:"token"`
	Extract Extract  `json:"extract"`
	Keys    []string `json:"keys,omitempty"`
}

// NoteExtract writes down that an extract was made. When it returns nil, that is on the disk.
func NoteExtract(ctx context.Context, book *ledger.Ledger, by string, e Extract) error {
	detail, err := json.Marshal(e)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("extract %s for %s: %d voters, SHA-256 %s: %s", e.Extract, e.Recipient, e.Rows, e.SHA256, e.Reason)
	return book.Note(ctx, ledger.Entry{Kind: KindExtract, Principal: by, Program: extractProgram, Purpose: purposeOf(e.Reason), Text: clip(text), Detail: detail})
}

// DiscloseExtract writes down whose records an extract has, by their keys in the register. A recipient does not stand in
// the ledger by the bare name: a clerk may be called the same, and what one was given is not the other's.
func DiscloseExtract(ctx context.Context, book *ledger.Ledger, e Extract, keys []string) error {
	d := ledger.Disclosure{Principal: meter.Recipient(e.Recipient), Program: extractProgram, Purpose: purposeOf(e.Reason), Voters: make([]uint64, len(keys))}
	for i, k := range keys {
		n, err := book.Number([]byte(k))
		if err != nil {
			return err
		}
		d.Voters[i] = n
	}
	return book.Record(ctx, &d)
}

// purposeOf is as much of a reason as stands beside each disclosure. The entry of the extract has all of it.
func purposeOf(reason string) string {
	const most = 255 // of a name in the ledger
	if len(reason) <= most {
		return reason
	}
	return strings.ToValidUTF8(reason[:most], "")
}

// maxKeys bounds one message of keys: ten thousand long ones.
const maxKeys = 8 << 20

// takeExtract answers the control socket.
func (g *Guard) takeExtract(w http.ResponseWriter, r *http.Request) {
	var m Extracting
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxKeys)).Decode(&m); err != nil {
		reply(w, nil, err)
		return
	}
	reply(w, Answer{}, g.extract(context.WithoutCancel(r.Context()), &m))
}

func (g *Guard) extract(ctx context.Context, m *Extracting) error {
	by, ok := g.meter.Policy().SupervisorOf(m.Token)
	switch {
	case !ok:
		return errToken
	case m.Extract.Recipient == "" || m.Extract.Reason == "":
		return errors.New("say for whom the extract is, and why")
	case len(m.Keys) > 0:
		return DiscloseExtract(ctx, g.book, m.Extract, m.Keys)
	}
	g.lookForHoney() // its honey voters are looked for from now on
	return NoteExtract(ctx, g.book, by, m.Extract)
}

// Honey gives what is looked for in results. Stamp changes with it and costs little; Load derives it anew, nil if
// there is nothing to look for.
type Honey interface {
	Stamp() (string, error)
	Load(number func(key []byte) (uint64, error)) (Watch, error)
}

// honeyEvery is how often it is looked whether honey voters were planted.
const honeyEvery = 5 * time.Second

// FollowHoney has results watched for honey voters, and for those that are planted while the guard runs.
// An error is of what is there now; what cannot be read later is told in the log, and the guard
// watches for what it knew.
func (g *Guard) FollowHoney(from Honey) error {
	g.honeyMu.Lock()
	defer g.honeyMu.Unlock()
	g.honeyFrom = from
	return g.loadHoney()
}

// loadHoney loads if something has changed. Its caller has the lock.
func (g *Guard) loadHoney() error {
	if g.honeyFrom == nil {
		return nil
	}
	stamp, err := g.honeyFrom.Stamp()
	if err != nil || stamp == g.honeyStamp {
		return err
	}
	w, err := g.honeyFrom.Load(g.Number)
	if err != nil {
		return err
	}
	if g.honeyStamp = stamp; w == nil {
		g.watch.Store(nil)
		return nil
	}
	g.SetWatch(w)
	return nil
}

// lookForHoney loads what was planted since.
func (g *Guard) lookForHoney() {
	g.honeyMu.Lock()
	defer g.honeyMu.Unlock()
	if err := g.loadHoney(); err != nil && g.quiet.once("honey", time.Minute) {
		g.log.Error("honey voters that were planted cannot be read; the guard looks for those it knew", "error", err)
	}
}

// watchHoney does so while the guard runs.
func (g *Guard) watchHoney(ctx context.Context) {
	tick := time.NewTicker(honeyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.lookForHoney()
		}
	}
}
