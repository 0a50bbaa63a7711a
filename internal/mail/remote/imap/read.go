package imap

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/emersion/go-imap/v2"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/source"
)

// reading is one turn of one mailbox.
type reading struct {
	source  *Source
	account *account
	conn    *connection
	session remote.Session

	messages int   // that are left of the turn
	bytes    int64 // as well
}

func (r *reading) spent() bool { return r.messages <= 0 || r.bytes <= 0 }

// folder reads what is new in one folder, as far as the turn lasts, and says whether there is more.
func (r *reading) folder(ctx context.Context, f folder) (unfinished bool, err error) {
	key := r.source.key(r.account, f.Name)
	stored := r.stored(key)
	if r.unchanged(f, stored) {
		if f.Name == r.account.inbox {
			r.account.next = uint32(f.status.UIDNext)
		}
		return false, nil
	}
	data, err := r.examine(ctx, f.Name)
	if err != nil {
		return false, r.unreadable(f, err)
	}
	if f.Name == r.account.inbox {
		r.account.next = uint32(data.UIDNext)
	}
	state := stored
	if state.Validity != data.UIDValidity {
		state = folderState{Validity: data.UIDValidity}
	}
	state.Next, state.ModSeq = 0, 0
	uids, beyond, err := r.newer(ctx, state.UID, data)
	if err != nil {
		return false, fmt.Errorf("search %s: %w", f.Name, err)
	}
	w := &writing{reading: r, folder: f, key: key, state: state, of: int64(data.NumMessages)}
	for part := range slices.Chunk(uids, maxSet) {
		if r.spent() {
			return true, nil
		}
		if err := r.messagesOf(ctx, part, w); err != nil {
			return false, err
		}
	}
	if beyond || w.cut {
		return true, nil
	}
	w.state.Next, w.state.ModSeq = uint32(data.UIDNext), data.HighestModSeq
	if w.state == stored {
		return false, nil
	}
	return false, stop(r.session.Advance(key, w.state.encode()))
}

// maxSet is how many UIDs one command names, so that a line stays below 8,192 bytes (RFC 7162 §4).
const maxSet = 500

func (r *reading) stored(key string) (state folderState) {
	if raw, ok := r.session.State(key); ok && json.Unmarshal(raw, &state) != nil {
		return folderState{} // read again: doubling is impossible, losing is not
	}
	return state
}

// unchanged tells whether nothing can have come since a folder was read to its end.
// What a server says about the folder that is open is not relied on (RFC 9051 §6.3.11).
func (r *reading) unchanged(f folder, stored folderState) bool {
	if f.status == nil || stored.Next == 0 || f.status.UIDValidity != stored.Validity {
		return false
	}
	if open := r.conn.Mailbox(); open != nil && open.Name == f.Name {
		return false
	}
	return uint32(f.status.UIDNext) == stored.Next // HIGHESTMODSEQ may lag behind it, and changes by flags
}

// examine opens a folder for reading only.
func (r *reading) examine(ctx context.Context, name string) (*imap.SelectData, error) {
	return r.source.examine(ctx, r.conn, name)
}

func (s *Source) examine(ctx context.Context, c *connection, name string) (*imap.SelectData, error) {
	if err := s.limiter.Wait(ctx); err != nil {
		return nil, err
	}
	c.guard.expect(answerBytes)
	defer c.guard.relax()
	return c.Select(name, &imap.SelectOptions{ReadOnly: true, CondStore: c.caps.Has(imap.CapCondStore)}).Wait()
}

// unreadable tells of a folder that the server does not open. Others are read all the same.
func (r *reading) unreadable(f folder, err error) error {
	var said *imap.Error
	switch {
	case !errors.As(err, &said), notYet(err) != nil:
		return fmt.Errorf("open %s: %w", f.Name, err)
	case said.Code == imap.ResponseCodeNonExistent:
		return nil // it went since it was listed
	}
	r.session.Problem(source.Problem{Source: r.source.label(r.account, f.Name), Err: told(err), Remedy: "the server does not open this folder; may the account read it?"})
	return nil
}

// firstSpan is how many UIDs are looked through at first. A server without ESEARCH (RFC 4731) names every message that it finds: of a
// mailbox with millions each turn would be told all that are left, tens of megabytes to read two thousand messages.
const firstSpan = 10_000

// newer finds the UIDs above the last one that was read, as many as the turn lasts, and says whether there may be more. UIDs have gaps,
// so where there are few more of them are looked through the next time.
func (r *reading) newer(ctx context.Context, last uint32, data *imap.SelectData) (uids []imap.UID, beyond bool, err error) {
	if data.NumMessages == 0 || last == math.MaxUint32 {
		return nil, false, nil
	}
	for span := uint64(firstSpan); ; span *= 4 {
		to := uint64(last) + span
		if to+1 >= uint64(data.UIDNext) { // 0: the server does not say (RFC 3501 §6.3.1)
			to = 0
		}
		set, err := r.search(ctx, last+1, uint32(to))
		if err != nil {
			return nil, false, err
		}
		more, left, err := firstOf(set, last, uint32(to), data.NumMessages, r.messages-len(uids))
		if err != nil {
			return nil, false, err
		}
		uids = append(uids, more...)
		if beyond = int64(len(more)) < left; beyond || to == 0 {
			return uids, beyond, nil
		}
		if last = uint32(to); len(uids) >= r.messages {
			return uids, true, nil
		}
	}
}

// search asks which UIDs there are from one to another; to 0 is the last.
func (r *reading) search(ctx context.Context, from, to uint32) (imap.UIDSet, error) {
	if err := r.source.limiter.Wait(ctx); err != nil {
		return nil, err
	}
	var options *imap.SearchOptions
	if r.conn.caps.Has(imap.CapESearch) || r.conn.caps.Has(imap.CapIMAP4rev2) {
		options = &imap.SearchOptions{ReturnAll: true}
	}
	r.conn.guard.expect(answerBytes)
	defer r.conn.guard.relax()
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{{imap.UIDRange{Start: imap.UID(from), Stop: imap.UID(to)}}}}
	data, err := r.conn.UIDSearch(criteria, options).Wait()
	if err != nil {
		return nil, err
	}
	set, _ := data.All.(imap.UIDSet)
	return set, nil
}

// firstOf takes the lowest UIDs above last, and up to another one if it is not 0, out of a set, without unfolding its ranges: a
// server may say 1:4294967295. "n:*" always holds the last message (RFC 9051 §9, seq-range), so what is not above last is no news.
func firstOf(set imap.UIDSet, last, end, messages uint32, limit int) (uids []imap.UID, left int64, err error) {
	set = slices.Clone(set)
	slices.SortFunc(set, func(a, b imap.UIDRange) int { return cmp.Compare(a.Start, b.Start) })
	next := uint64(last) + 1
	for _, r := range set {
		if r.Stop == 0 || r.Start == 0 {
			return nil, 0, errors.New("the server names messages by *, where it should name them by number")
		}
		from, to := max(uint64(r.Start), next), uint64(r.Stop)
		if end != 0 {
			to = min(to, uint64(end))
		}
		if from > to {
			continue
		}
		left += int64(to - from + 1)
		for uid := from; uid <= to && len(uids) < limit; uid++ {
			uids = append(uids, imap.UID(uid))
		}
		next = to + 1
	}
	if left > int64(messages)+maxUnseen {
		return nil, 0, remote.Fail(remote.Permanent, "it contradicts itself, and is not read", "the server says that a folder holds %d messages, and names %d", messages, left)
	}
	return uids, left, nil
}

// maxUnseen is how many messages may come between opening a folder and searching it.
const maxUnseen = 100_000

// writing hands on the messages of one folder.
type writing struct {
	*reading
	folder   folder
	key      string
	state    folderState
	done, of int64
	cut      bool // the turn ended within
}

// emit hands on one message and how far the folder is read with it.
func (w *writing) emit(m *fetched) error {
	w.state.UID = uint32(m.uid)
	w.done = max(w.done+1, int64(m.seq))
	w.messages--
	w.bytes -= int64(len(m.raw))
	if len(m.raw) == 0 {
		return stop(w.session.Advance(w.key, w.state.encode()))
	}
	item := remote.Item{
		Item: source.Item{
			Source: w.source.label(w.account, w.folder.Name), Arg: w.source.place(w.account), Offset: int64(m.uid),
			Mailbox: w.owner(), Envelope: source.Envelope{Time: m.date}, Raw: m.raw,
		},
		Key: w.key, State: w.state.encode(),
	}
	if err := stop(w.session.Emit(item)); err != nil {
		return err
	}
	w.session.Progress(remote.Progress{Source: w.source.name, Mailbox: w.account.Mailbox, Folder: w.folder.Name, Done: min(w.done, w.of), Of: w.of})
	return nil
}

// skip goes on behind a message that is not there any more or cannot be read.
func (w *writing) skip(uid imap.UID) error {
	return w.emit(&fetched{uid: uid})
}

// owner is whose mail the folder holds. What lies among the sent went to those it names, not to its owner.
func (w *writing) owner() string {
	if slices.Contains(w.folder.attrs, imap.MailboxAttrSent) {
		return ""
	}
	return w.account.ownerOf(w.folder)
}

func (w *writing) problem(uid imap.UID, remedy string, err error) {
	w.session.Problem(source.Problem{Source: w.source.label(w.account, w.folder.Name), Offset: int64(uid), Err: told(err), Remedy: remedy})
}
