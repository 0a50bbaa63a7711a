package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/hosted"
	"portcullis.example/portcullis/internal/mail/remote/rest"
	"portcullis.example/portcullis/internal/mail/source"
)

// reading is one turn of one mailbox.
type reading struct {
	source  *Source
	account *account
	session remote.Session
	tree    *tree
	left    *hosted.Turn
}

// folderState is what is stored of a folder.
type folderState struct {
	Link string `json:"link,omitempty"` // of the page that is read; "" is the first one of all
	hosted.Page
	Ended bool  `json:"ended,omitempty"` // Link says what has changed since the folder was read to its end
	At    int64 `json:"at,omitempty"`    // when it was stored, in Unix seconds
}

func (f folderState) encode() json.RawMessage {
	raw, err := json.Marshal(f)
	if err != nil { // strings and numbers only
		return nil
	}
	return raw
}

// quiet is how long a folder has told nothing new. Folders that are quiet are asked more seldom: most of a mailbox's
// folders are, and each question is a request.
type quiet struct {
	rounds int // in a row without anything
	skip   int // rounds that it is left out still
}

// Of a folder that is quiet, up to so many rounds are left out.
const longestQuiet = 15

func (q *quiet) due() bool {
	if q.skip > 0 {
		q.skip--
		return false
	}
	return true
}

func (q *quiet) heard(news bool) {
	if news {
		*q = quiet{}
		return
	}
	if q.rounds++; q.rounds > 3 {
		q.skip = min(1<<min(q.rounds-3, 8), longestQuiet)
	}
}

// turn reads one turn, and says whether there is more. known are the folders, if they were looked at in this Read.
func (r *reading) turn(ctx context.Context, known *tree) (more bool, err error) {
	first := known == nil
	if first {
		if known, err = r.folders(ctx); err != nil {
			return false, err
		}
	}
	r.tree = known
	for _, f := range r.source.inOrder(known) {
		if f.skipped != "" {
			continue
		}
		q := r.account.quiet[f.ID]
		if q == nil {
			q = &quiet{}
			r.account.quiet[f.ID] = q
		}
		if known.ended[f.ID] || first && f.rank == 0 && !q.due() {
			continue
		}
		unfinished, news, err := r.folder(ctx, f)
		if err != nil {
			return false, err
		}
		q.heard(news || unfinished)
		known.ended[f.ID] = !unfinished
		if more = more || unfinished; r.left.Spent() {
			return true, nil
		}
	}
	return more, nil
}

func (r *reading) folderKey(f *folder) string { return r.treeKey() + "folder " + f.ID }

// page is one page of the messages' delta query.
type page struct {
	Value []entry `json:"value"`
	Next  string  `json:"@odata.nextLink"`
	Delta string  `json:"@odata.deltaLink"`
}

type entry struct {
	ID       string          `json:"id"`
	Received time.Time       `json:"receivedDateTime"`
	Draft    bool            `json:"isDraft"`
	Removed  json.RawMessage `json:"@removed"`
}

// folder reads what is new in one folder, as far as the turn lasts.
func (r *reading) folder(ctx context.Context, f *folder) (unfinished, news bool, err error) {
	key := r.folderKey(f)
	var state folderState
	if raw, ok := r.session.State(key); ok && json.Unmarshal(raw, &state) != nil {
		state = folderState{} // listed again; what was handed on is remembered
	}
	w := &writing{reading: r, folder: f, key: key, state: state}
	for range maxPages {
		ended, err := w.page(ctx)
		switch {
		case rest.Said(err) != nil && rest.Said(err).Status == http.StatusNotFound && rest.Said(err).Has("ErrorItemNotFound", "ErrorFolderNotFound"):
			return false, w.news, nil // it went since it was listed
		case err != nil:
			return false, w.news, fmt.Errorf("read %s: %w", f.path, err)
		case ended:
			return false, w.news, nil
		case r.left.Spent():
			return true, w.news, nil
		}
	}
	return false, w.news, errEndless
}

// writing hands on the messages of one folder.
type writing struct {
	*reading
	folder *folder
	key    string
	state  folderState
	news   bool
	begun  bool // it was begun anew in this turn
	done   int64
}

// page reads one page to its end, or as far as the turn lasts, and says whether the folder ends with it.
func (w *writing) page(ctx context.Context) (ended bool, err error) {
	link := w.state.Link
	if link == "" {
		link = w.user() + "/mailFolders/" + url.PathEscape(w.folder.ID) + "/messages/delta?" + url.Values{"$select": {"id,receivedDateTime,isDraft"}}.Encode()
	}
	var p page
	if err := w.source.client.JSON(ctx, w.account.tokens, link, w.source.header(), &p); err != nil {
		if w.state.Link != "" && expired(err) && !w.begun {
			w.begun = true
			if err := w.left.Remember(&w.state.Page); err != nil {
				return false, err
			}
			w.state = folderState{At: time.Now().Unix()}
			return false, w.session.Advance(w.key, w.state.encode())
		}
		return false, err
	}
	next, ended := p.Next, p.Next == ""
	if ended {
		next = p.Delta
	}
	if next == "" {
		return false, remote.Fail(remote.Temporary, "", "a page ends without a link to what comes after")
	}
	if _, err := w.source.client.Link(next); err != nil { // before it is stored
		return false, err
	}
	fresh := hosted.Fresh(w.left, &w.state.Page, w.present(&p), entry.id)
	w.news = w.news || len(p.Value) > 0
	cut, err := w.hand(ctx, fresh)
	if err != nil || cut {
		return false, err
	}
	return ended, w.turnOver(&p, next, ended)
}

// present are the messages of a page that are still there.
func (w *writing) present(p *page) []entry {
	return slices.DeleteFunc(slices.Clone(p.Value), func(e entry) bool { return e.Removed != nil })
}

func (e entry) id() string { return e.ID }

// hand fetches messages and hands them on; cut says that the turn is over before the last.
func (w *writing) hand(ctx context.Context, list []entry) (cut bool, err error) {
	return hosted.Hand(ctx, w.left, w.source.cfg.Parallel, list, &w.account.stuck, entry.id, w.fetch, w.emit,
		func(e entry, problem error, remedy string) error {
			return w.emit(e, &message{problem: problem, remedy: remedy})
		})
}

// message is what was fetched: nothing of one that is gone.
type message struct {
	raw     []byte
	problem error
	remedy  string
}

// fetch reads one message.
func (w *writing) fetch(ctx context.Context, e entry) (*message, error) {
	link := w.user() + "/messages/" + url.PathEscape(e.ID) + "/$value"
	raw, whole, err := w.source.client.Bytes(ctx, w.account.tokens, link, w.source.header(), w.source.cfg.MaxMessage)
	said := rest.Said(err)
	switch {
	case err == nil && whole:
		return &message{raw: raw}, nil
	case err == nil:
		return &message{raw: raw, problem: fmt.Errorf("the message is larger than %d bytes; what is beyond was left out", len(raw)), remedy: "raise max_message to read more of it"}, nil
	case said != nil && !said.Has(noMailbox...) && (said.Status == http.StatusNotFound || said.Status == http.StatusGone):
		return &message{}, nil // it went since it was listed
	}
	return nil, err
}

// emit hands on one message, and how far the folder is read with it.
func (w *writing) emit(e entry, m *message) error {
	w.state.Mark(e.ID, !e.Draft && len(m.raw) > 0) // what becomes of a draft has the same identifier
	w.left.Pay(len(m.raw))
	place := w.source.Place(w.account.address)
	label := place + "/" + w.folder.path
	if m.problem != nil {
		w.session.Problem(source.Problem{Source: label + " (" + e.Received.UTC().Format(time.RFC3339) + ")", Err: m.problem, Remedy: m.remedy})
	}
	if len(m.raw) == 0 {
		return w.session.Advance(w.key, w.state.encode())
	}
	owner := w.account.address
	kept := source.Kept{Folder: w.folder.path, State: w.folder.state}
	if e.Draft {
		kept.State |= source.Draft
	}
	if w.folder.state&source.Sent != 0 {
		owner = "" // what lies among the sent went to those it names
	}
	err := w.session.Emit(remote.Item{
		Item: source.Item{
			Source: label, Arg: place, Mailbox: owner, Raw: m.raw, Kept: kept, Envelope: source.Envelope{Time: e.Received},
		},
		Key: w.key, State: w.state.encode(),
	})
	if err != nil {
		return err
	}
	w.done++
	w.session.Progress(remote.Progress{Source: w.source.Name(), Mailbox: w.account.address, Folder: w.folder.path, Done: w.done, Of: w.of()})
	return nil
}

// of is how many messages there are to read, where that is known: while a folder is read for the first time.
func (w *writing) of() int64 {
	if w.state.Ended || w.folder.Total < w.done {
		return 0
	}
	return w.folder.Total
}

// storedFor is after how long a link that is new is stored although nothing else is: links age, and each is good for as
// long as the server says.
const storedFor = time.Hour

// turnOver goes on to the next page.
func (w *writing) turnOver(p *page, next string, ended bool) error {
	if err := w.left.Remember(&w.state.Page); err != nil {
		return err
	}
	now := time.Now()
	if ended && w.state.Ended && len(p.Value) == 0 && now.Sub(time.Unix(w.state.At, 0)) < storedFor {
		return nil
	}
	w.state = folderState{Link: next, Ended: w.state.Ended || ended, At: now.Unix()}
	return w.session.Advance(w.key, w.state.encode())
}

// expired tells whether a link is no longer good, and what it stood for must be listed from the beginning.
func expired(err error) bool {
	said := rest.Said(err)
	return said != nil && (said.Status == http.StatusGone ||
		said.Status == http.StatusBadRequest && said.Has("SyncStateNotFound", "SyncStateInvalid", "ResyncRequired", "ErrorInvalidSyncStateData", "ResyncChangesApplyDifferences", "ResyncChangesUploadDifferences"))
}
